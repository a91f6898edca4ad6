import { readdirSync } from "node:fs";
import { resolve } from "node:path";
import { expectedOf, joinPath } from "#base/key-reader.ts";
import type { KeySpec } from "#base/key-spec.ts";
import { INIT_KEYS } from "#craft/initialise.ts";
import { CONTACT_KEYS, TRAJECTORY_KEYS } from "#radar/contacts.ts";
import { ACTION_KEYS, AT_KEY, INIT_RUN, SCENARIO_KEYS } from "#twin/scenario-keys.ts";
import { SETTING_SECTIONS } from "#twin/settings.ts";
import { readScenario } from "../load-run.ts";
import { readText } from "../read-file.ts";
import { PRODUCT_ROOT } from "../version.ts";
import { code, table } from "./markdown.ts";
import { keyCells } from "./profile.ts";

/** The shipped scenarios. */
export function scenarioList(): string {
  const folder = resolve(PRODUCT_ROOT, "scenarios");
  const rows = readdirSync(folder)
    .sort()
    .map((file) => {
      const path = resolve(folder, file);
      const { description, expectations } = readScenario(readText(path, "scenario"), path);
      return [code(file), description, expectations.length];
    });
  return table(["file", "what happens", "expectations"], rows);
}

/** Keys of a scenario file, and of its `init`. */
export function scenarioKeys(): string {
  const keys = (specs: readonly KeySpec[]): string => table(["key", "what it is", "takes", "absent"], specs.map(keyCells));
  return [keys(SCENARIO_KEYS), "### `init`", keys([...INIT_KEYS, INIT_RUN])].join("\n\n");
}

/** What a timeline entry can do. */
export function timelineActions(): string {
  const rows = Object.entries(ACTION_KEYS as Readonly<Record<string, readonly KeySpec[]>>).flatMap(([action, keys]) =>
    keys.map((spec) => [code(`do: ${action}`), code(spec.key), spec.about ?? "", takes(spec)]),
  );
  return table(["entry", "key", "what it is", "takes"], [["any", code(AT_KEY.key), AT_KEY.about, expectedOf(AT_KEY)], ...rows]);
}

/** Lists of commands and faults stand in docs/commands.md. */
function takes(spec: KeySpec): string {
  return spec.kind === "word" ? "one of those in [commands](commands.md)" : expectedOf(spec);
}

/** Keys of a contact, and of each kind of trajectory. */
export function contactKeys(): string {
  const keys = (specs: readonly KeySpec[]): string => table(["key", "what it is", "takes", "absent"], specs.map(keyCells));
  const kinds = Object.entries(TRAJECTORY_KEYS).map(([kind, specs]) => `### \`kind: ${kind}\`\n\n${keys(specs)}`);
  return [keys(CONTACT_KEYS), ...kinds].join("\n\n");
}

/** Keys that `config` can set. */
export function settings(): string {
  const rows = Object.entries(SETTING_SECTIONS).flatMap(([section, specs]: [string, readonly KeySpec[]]) =>
    specs.map((spec) => keyCells({ ...spec, key: joinPath(section, spec.key) })),
  );
  return table(["key", "what it is", "takes", "absent"], rows);
}
