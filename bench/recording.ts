import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
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
import { McapStreamReader } from "@mcap/core";
import { exportMcap } from "#recording/mcap-export.ts";
import { SeekableRecording } from "#recording/seek.ts";
import { type FigureSpec, quantile, rounded } from "./harness.ts";

const MESSAGES = 50_000;
const RUN_S = 1800;
const MCAP_MESSAGES = 20_000;
const GIB = 1_073_741_824;
const SEEKS = 200;
const QUEUE_BYTES_MAX = 16 * 1_048_576;

/** Writing, reading and verifying recordings of telemetry-sized messages. */
export function recordingFigures(): FigureSpec[] {
  const folder = mkdtempSync(join(tmpdir(), "qiki-bench-"));
  const loaded = loadRun({ scenario: "scenarios/default.yaml", bootId: "0", durationS: RUN_S });
  const meta = recordingMeta({ sim: simMeta(loaded.model, loaded.scenarioFile), productVersion: "bench" });
  const machine = createSimMachine(loaded.model);
  machine.accept({ kind: "boot" }, machine.tick);
  const payload = Buffer.from(JSON.stringify(machine.telemetry()));
  const written = join(folder, "written.jsonl");
  const packed = join(folder, "written.jsonl.zst");
  const exported = join(folder, "exported.mcap");
  const large = join(folder, "large.jsonl");
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const recorded = join(folder, "recorded.jsonl");
  let runIsRecorded = false;
  const epochS = loaded.model.settings.epochMs / 1000;

  function open(path: string): ReturnType<typeof openRecordingWriter> {
    return openRecordingWriter({
      path,
      force: true,
      meta,
      nowMs: () => Date.now(),
      onFailure(error) {
        throw error;
      },
    });
  }

  async function write(path: string, messages: number): Promise<number> {
    const startedMs = performance.now();
    const writer = await open(path);
    for (let message = 0; message < messages; message += 1) {
      writer.write([{ subject: SUBJECTS.telemetry, payload, ingestMs: 0 }]);
      if (message % 500 === 499) await writer.flush();
    }
    const { rows, dropped } = await writer.end();
    if (rows < messages || dropped > 0) throw new Error(`${rows} rows written, ${dropped} dropped, of ${messages}`);
    return (messages * 1000) / (performance.now() - startedMs);
  }

  /** A recording of 1 GB with telemetry and a track each ten ticks, and a keyframe each 600. */
  async function writeLarge(): Promise<number> {
    const writer = await open(large);
    const keyframe = Buffer.from(JSON.stringify({ role: "sim", state: "x".repeat(20_000) }));
    let tick = 0;
    for (; writer.stats().bytes < GIB; tick += 10) {
      const known = { tsEpoch: epochS + tick / 10, tick };
      writer.write([{ subject: SUBJECTS.telemetry, payload, ingestMs: 0, known }]);
      writer.write([{ subject: SUBJECTS.radarTracks, payload: Buffer.from(`{"track_id":"${tick % 7}"}`), ingestMs: 0, known }]);
      if (tick % 600 === 0) writer.write([{ subject: SUBJECTS.recordKeyframe, payload: keyframe, ingestMs: 0, known }]);
      if (writer.stats().queuedBytes > QUEUE_BYTES_MAX) await writer.flush();
    }
    await writer.end();
    return tick - 10;
  }

  let lastTick: number | undefined;
  let worstMs = 0;
  let firstMs = 0;

  return [
    {
      id: "record.write",
      group: "recording",
      unit: "msgs/s",
      floor: 50_000,
      reach: 100_000,
      better: "more",
      run: () => write(written, MESSAGES),
      note: () => `${payload.length} bytes a message, ${Math.round(statSync(written).size / 1e6)} MB`,
    },
    {
      id: "record.write.zst",
      group: "recording",
      unit: "msgs/s",
      floor: 50_000,
      reach: 100_000,
      better: "more",
      run: () => write(packed, MESSAGES),
      note: () => `${rounded(statSync(packed).size / 1e6)} MB; the same message again and again, which real ones are not`,
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
    {
      id: "seek.1gb",
      group: "recording",
      unit: "ms",
      floor: 50,
      reach: 10,
      better: "less",
      onlyWhenNamed: true,
      async run() {
        lastTick ??= await writeLarge();
        const startedMs = performance.now();
        const recording = new SeekableRecording(large);
        recording.seek({ timeS: epochS }).rows.return(undefined);
        firstMs = Math.max(firstMs, performance.now() - startedMs);
        const times: number[] = [];
        for (let seek = 0; seek < SEEKS; seek += 1) {
          const tick = Math.floor(((seek * 0.618_034) % 1) * lastTick);
          const soughtMs = performance.now();
          const { lastValues, rows } = recording.seek({ timeS: epochS + tick / 10 });
          times.push(performance.now() - soughtMs);
          rows.return(undefined);
          const [telemetry] = lastValues.filter(({ head }) => head.subject === SUBJECTS.telemetry);
          if (telemetry?.head.tick !== tick - (tick % 10)) throw new Error(`seek to tick ${tick} gave tick ${telemetry?.head.tick}`);
        }
        worstMs = Math.max(worstMs, ...times);
        return quantile(times, 0.99);
      },
      note: () =>
        `p99 of ${SEEKS} seeks by time, ${rounded(statSync(large).size / 1e9)} GB; the slowest ${rounded(worstMs)} ms; the first, which makes the index, ${rounded(firstMs)} ms`,
    },
    {
      id: "mcap.write",
      group: "recording",
      unit: "msgs/s",
      floor: 40_000,
      reach: 100_000,
      better: "more",
      async run() {
        await write(written, MCAP_MESSAGES);
        const startedMs = performance.now();
        const { rows } = await exportMcap(written, exported, {
          force: true,
          strict: true,
          productVersion: "bench",
          onProblem: () => {},
        });
        // Each row is two messages: its payload, and the envelope that makes it again.
        return (rows * 2 * 1000) / (performance.now() - startedMs);
      },
      note: () => `a payload and an envelope each row, ${rounded(statSync(exported).size / 1e6)} MB`,
    },
    {
      id: "mcap.read",
      group: "recording",
      unit: "msgs/s",
      floor: 100_000,
      reach: 500_000,
      better: "more",
      run() {
        const bytes = readFileSync(exported);
        const startedMs = performance.now();
        const reader = new McapStreamReader({ decompressHandlers: { zstd: (chunk) => zstdDecompressSync(chunk) } });
        reader.append(bytes);
        let messages = 0;
        for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord())
          if (record.type === "Message") messages += 1;
        if (messages < MCAP_MESSAGES * 2) throw new Error(`${messages} messages read`);
        return (messages * 1000) / (performance.now() - startedMs);
      },
      note: () => "by @mcap/core's own reader",
    },
  ];
}
