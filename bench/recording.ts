import { mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadRun } from "#cli/load-run.ts";
import { runScenario } from "#cli/run.ts";
import { openRunRecorder } from "#cli/run-recorder.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { readRecordingSync } from "#recording/reader.ts";
import { verifyRecording } from "#recording/verify.ts";
import { openRecordingWriter } from "#recording/writer.ts";
import { recordingMeta, simMeta } from "#services/recording-meta.ts";
import { createSimMachine } from "#twin/sim-machine.ts";
import type { FigureSpec } from "./harness.ts";

const MESSAGES = 50_000;
const RUN_S = 1800;

/** Writing, reading and verifying recordings of telemetry-sized messages. */
export function recordingFigures(): FigureSpec[] {
  const folder = mkdtempSync(join(tmpdir(), "qiki-bench-"));
  const loaded = loadRun({ scenario: "scenarios/default.yaml", bootId: "0", durationS: RUN_S });
  const meta = recordingMeta({ sim: simMeta(loaded.model, loaded.scenarioFile), productVersion: "bench" });
  const machine = createSimMachine(loaded.model);
  machine.accept({ kind: "boot" }, machine.tick);
  const payload = Buffer.from(JSON.stringify(machine.telemetry()));
  const written = join(folder, "written.jsonl");
  const recorded = join(folder, "recorded.jsonl");
  let runIsRecorded = false;

  async function write(): Promise<number> {
    const startedMs = performance.now();
    const writer = await openRecordingWriter({
      path: written,
      force: true,
      meta,
      nowMs: () => Date.now(),
      onFailure(error) {
        throw error;
      },
    });
    for (let message = 0; message < MESSAGES; message += 1) {
      writer.write([{ subject: SUBJECTS.telemetry, payload, ingestMs: 0 }]);
      if (message % 500 === 499) await writer.flush();
    }
    const { rows, dropped } = await writer.end();
    if (rows < MESSAGES || dropped > 0) throw new Error(`${rows} rows written, ${dropped} dropped, of ${MESSAGES}`);
    return (MESSAGES * 1000) / (performance.now() - startedMs);
  }

  return [
    {
      id: "record.write",
      group: "recording",
      unit: "msgs/s",
      floor: 50_000,
      reach: 100_000,
      better: "more",
      run: write,
      note: () => `${payload.length} bytes a message, ${Math.round(statSync(written).size / 1e6)} MB`,
    },
    {
      id: "replay.read",
      group: "recording",
      unit: "msgs/s",
      floor: 100_000,
      reach: 300_000,
      better: "more",
      run() {
        let rows = 0;
        let bytes = 0;
        const startedMs = performance.now();
        for (const row of readRecordingSync(written, { strict: true, data: "on_demand", onProblem: () => {} })) {
          rows += 1;
          bytes += row.dataJson.length;
        }
        if (rows < MESSAGES || bytes < MESSAGES * payload.length) throw new Error(`${rows} rows of ${bytes} bytes read`);
        return (rows * 1000) / (performance.now() - startedMs);
      },
      note: () => "rows read, checked and handed on; payloads parsed where they are looked at",
    },
    {
      id: "verify",
      group: "recording",
      unit: "msgs/s",
      floor: 100_000,
      reach: 300_000,
      better: "more",
      async run() {
        if (!runIsRecorded) await runScenario(loaded, await openRunRecorder(recorded, true, loaded));
        runIsRecorded = true;
        const startedMs = performance.now();
        const verdict = verifyRecording({ rows: () => drivenRows(recorded, () => {}) });
        if (verdict.kind !== "identical") throw new Error(`diverged at row ${verdict.first.row}`);
        return (verdict.messages * 1000) / (performance.now() - startedMs);
      },
    },
  ];
}
