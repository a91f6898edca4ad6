import { recordingMeta, simMeta } from "#services/recording-meta.ts";
import { openRecordingWriter } from "#recording/writer.ts";
import { loadRun } from "#cli/load-run.ts";

/** Writes numbered rows without end and says now and again how many the writer holds to be on the disk; somebody kills it. */
const [path] = process.argv.slice(2);
const loaded = loadRun({ scenario: "scenarios/default.yaml", bootId: "0" });
const writer = await openRecordingWriter({
  path: path!,
  force: false,
  meta: recordingMeta({ sim: simMeta(loaded.model, loaded.scenarioFile), productVersion: "test" }),
  nowMs: () => Date.now(),
  onFailure(error) {
    throw error;
  },
});
for (let row = 0; ; row += 1) {
  const payload = Buffer.from(JSON.stringify({ row, ts_epoch: row, filling: "x".repeat(row % 300) }));
  writer.write([{ subject: "qiki.events.v1.power.bus", payload, ingestMs: Date.now() }]);
  if (row % 200 === 0) writer.check();
  if (row % 20 !== 0) continue;
  process.stdout.write(`${writer.stats().rows}\n`);
  await new Promise((done) => setImmediate(done));
}
