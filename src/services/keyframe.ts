import type { RunId, Tick } from "#base/units.ts";
import type { Message } from "#contracts/message.ts";
import { SUBJECTS } from "#contracts/subjects.ts";

/** Ticks between keyframes. */
export const KEYFRAME_TICKS = 600;

export interface Keyframe {
  readonly role: "sim" | "tracker" | "alarms";
  readonly tick: Tick;
  readonly runId: RunId;
  readonly timeMs: number;
  /** Digest of each room of the machine at that moment. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Last sequence of the input stream that the state contains. */
  readonly afterSeq?: number;
  /** The machine's snapshot, zstd compressed. */
  readonly state: Uint8Array;
}

/** A machine's state as one message of the recording. */
export function keyframeMessage(keyframe: Keyframe): Message {
  return {
    subject: SUBJECTS.recordKeyframe,
    source: `urn:qiki:${keyframe.role}`,
    timeMs: keyframe.timeMs,
    tick: keyframe.tick,
    runId: keyframe.runId,
    payload: {
      role: keyframe.role,
      tick: keyframe.tick,
      ...(keyframe.afterSeq === undefined ? {} : { after_seq: keyframe.afterSeq }),
      hashes: keyframe.hashes,
      part: 1,
      parts: 1,
      state: Buffer.from(keyframe.state).toString("base64"),
    },
  };
}
