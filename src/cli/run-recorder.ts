import { zstdCompressSync } from "node:zlib";
import { RepeatedJson } from "#base/repeated-json.ts";
import { eventTimeMs } from "#base/tick-time.ts";
import type { Tick } from "#base/units.ts";
import type { Ack } from "#contracts/ack.ts";
import { CLOUD_EVENTS, headersOf, type Message } from "#contracts/message.ts";
import type { RecordingMeta } from "#contracts/recording.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { openRecordingWriter } from "#recording/writer.ts";
import { KEYFRAME_TICKS, keyframeMessage } from "#services/keyframe.ts";
import { recordingMeta, simMeta, trackerMeta } from "#services/recording-meta.ts";
import { type ChainHead, chainRecord, headOf } from "#store/audit-chain.ts";
import type { SimSettings } from "#twin/settings.ts";
import { recordSubject, type Twin, type TwinOutput } from "#twin/twin.ts";
import { loadGuardRules, loadRuleSet } from "./load-rules.ts";
import type { LoadedRun } from "./load-run.ts";
import { settings as serviceSettings } from "./settings.ts";
import { PRODUCT_VERSION } from "./version.ts";

/** Writes what an offline run says as the live recorder would write it. */
export interface RunRecorder {
  readonly path: string;
  /** First rows of a run that goes on from a state: that state. */
  begin(twin: Twin): void;
  /** A command, before the outputs that it leads to. */
  command(bytes: Uint8Array): void;
  take(outputs: readonly TwinOutput[], twin: Twin): Promise<void>;
  end(twin: Twin): Promise<void>;
}

const MIB = 1_048_576;
const QUEUE_BYTES_MAX = 16 * MIB;

/** A recorder of a run that boots under the shipped rules. */
export function openRunRecorder(path: string, force: boolean, loaded: LoadedRun): Promise<RunRecorder> {
  const rules = loadRuleSet();
  const meta = recordingMeta({
    sim: simMeta(loaded.model, loaded.scenarioFile),
    tracker: trackerMeta(loadGuardRules(), true),
    alarms: { hash: rules.ruleSet.hash, text: rules.text },
    productVersion: PRODUCT_VERSION,
  });
  return openTwinRecorder(path, force, meta, loaded.model.settings);
}

export async function openTwinRecorder(path: string, force: boolean, meta: RecordingMeta, settings: SimSettings): Promise<RunRecorder> {
  let failure: Error | undefined;
  const writer = await openRecordingWriter({ path, force, meta, nowMs: () => Date.now(), onFailure: (error) => (failure = error) });
  const segmentBytes = serviceSettings().record.segmentMib * MIB;
  const seqs = new Map<string, number>();
  const telemetry = new RepeatedJson();
  const chainId = meta.recording_id;
  let head: ChainHead | undefined;
  let hashes: { at: number[]; hashes: string[] } = { at: [], hashes: [] };
  let newest: Message | undefined;
  let keyframeTick = -1;

  function row(message: Message, streamSeq?: number): void {
    const seq = (seqs.get(message.subject) ?? 0) + 1;
    seqs.set(message.subject, seq);
    const payload =
      message.subject === SUBJECTS.telemetry ? telemetry.encode(message.payload) : Buffer.from(JSON.stringify(message.payload));
    writer.write([
      {
        subject: message.subject,
        payload,
        headers: headersOf(message, seq),
        ingestMs: Date.now(),
        known: { tsEpoch: message.timeMs / 1000, tick: message.tick },
        ...(streamSeq === undefined ? {} : { streamSeq }),
      },
    ]);
  }

  function base(): Pick<Message, "tick" | "runId" | "timeMs"> {
    return { tick: newest!.tick, runId: newest!.runId, timeMs: newest!.timeMs };
  }

  function ackMessage(ack: Ack, { sim }: Twin): Message {
    const timeMs = eventTimeMs(settings.epochMs, sim.tick, settings.tickMs);
    return {
      source: CLOUD_EVENTS.audit.source,
      subject: SUBJECTS.responses,
      payload: { ...ack },
      tick: ack.tick as Tick,
      runId: sim.runId,
      timeMs,
    };
  }

  function flushHashes(): void {
    if (hashes.at.length === 0 || newest === undefined) return;
    row({ ...base(), source: CLOUD_EVENTS.audit.source, subject: SUBJECTS.recordHashes, payload: { room: "incidents", ...hashes } });
    hashes = { at: [], hashes: [] };
  }

  function keyframes(twin: Twin): void {
    if (writer.stats().segmentBytes >= segmentBytes) writer.roll(meta);
    const common = { tick: twin.sim.tick, runId: twin.sim.runId, timeMs: eventTimeMs(settings.epochMs, twin.sim.tick, settings.tickMs) };
    row(
      keyframeMessage({
        ...common,
        role: "sim",
        hashes: { craft: twin.sim.hash(), scene: twin.sim.sceneHash() },
        state: zstdCompressSync(twin.sim.snapshot()),
      }),
    );
    const tracker = { hashes: twin.tracker.hashes(), afterSeq: twin.radarSeq(), state: zstdCompressSync(twin.tracker.snapshot()) };
    row(keyframeMessage({ ...common, role: "tracker", ...tracker }));
    const alarms = {
      hashes: { incidents: twin.alarms.hash() },
      afterSeq: twin.eventsSeq(),
      state: zstdCompressSync(twin.alarms.snapshot()),
    };
    row(keyframeMessage({ ...common, role: "alarms", ...alarms }));
    writer.check();
  }

  return {
    path,
    begin(twin) {
      keyframeTick = twin.sim.tick;
      keyframes(twin);
    },
    command: (bytes) => writer.write([{ subject: SUBJECTS.commands, payload: bytes, ingestMs: Date.now() }]),
    async take(outputs, twin) {
      for (const output of outputs) {
        if (output.kind === "ack") row(ackMessage(output.ack, twin));
        if (output.kind === "message") {
          newest = output.message;
          row(output.message, output.streamSeq);
        } else if (output.kind === "incident_record" && newest !== undefined) {
          const record = chainRecord(output.draft, chainId, head, Date.now());
          head = headOf(record);
          row({ ...base(), ...CLOUD_EVENTS.audit, subject: recordSubject(output.draft), payload: record }, output.streamSeq);
        } else if (output.kind === "incidents_hash") {
          hashes.at.push(output.streamSeq);
          hashes.hashes.push(output.hash);
        }
      }
      if (newest !== undefined && hashes.at.length >= 30) flushHashes();
      if (twin.sim.tick % KEYFRAME_TICKS === 0 && twin.sim.tick !== keyframeTick) {
        keyframeTick = twin.sim.tick;
        keyframes(twin);
      }
      if (failure !== undefined) throw failure;
      if (writer.stats().queuedBytes > QUEUE_BYTES_MAX) await writer.flush();
    },
    async end(twin) {
      flushHashes();
      if (keyframeTick !== twin.sim.tick) keyframes(twin);
      await writer.end();
    },
  };
}
