/** `npm run bench [-- GROUP…]`: measures the figures of the groups named, prints a table, writes bench/results.json. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { alarmsFigures } from "./alarms.ts";
import { busFigures } from "./bus.ts";
import { craftFigures } from "./craft.ts";
import { fleetFigures } from "./fleet.ts";
import { circumstances, type Figure, measure, tableOf } from "./harness.ts";
import { recordingFigures } from "./recording.ts";
import { storeFigures } from "./store.ts";
import { trackerFigures } from "./tracker.ts";

const all = [
  ...craftFigures(),
  ...fleetFigures(),
  ...trackerFigures(),
  ...alarmsFigures(),
  ...busFigures(),
  ...storeFigures(),
  ...recordingFigures(),
];
const groups = process.argv.slice(2);
const known = new Set(all.map((spec) => spec.group));
const unknown = groups.filter((group) => !known.has(group));
if (unknown.length > 0) {
  process.stderr.write(`no group ${unknown.join(", ")}: choose from ${[...known].join(", ")}\n`);
  process.exit(2);
}
const about = circumstances();
const figures: Figure[] = [];
const asked = all.filter(({ group, onlyWhenNamed }) => (groups.length === 0 ? onlyWhenNamed !== true : groups.includes(group)));
for (const spec of asked) {
  process.stderr.write(`measuring ${spec.id}\n`);
  figures.push(await measure(spec));
}
process.stdout.write(`${tableOf(figures)}\n`);
const left = groups.length === 0 ? all.filter(({ onlyWhenNamed }) => onlyWhenNamed) : [];
if (left.length > 0)
  process.stdout.write(
    `not measured: ${left.length} figures that take their time; npm run bench -- ${[...new Set(left.map(({ group }) => group))].join(" ")}\n`,
  );
writeFileSync(join(import.meta.dirname, "results.json"), `${JSON.stringify({ ...about, figures }, null, 2)}\n`);
process.exit(0);
