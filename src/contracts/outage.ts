import { QUERY_PREFIX, SUBJECTS } from "./subjects.ts";

/** What becomes of a message that is published while the bus cannot be reached (operations §3). */
export type OutageRule =
  /** Never sent: who asked must know at once, and may ask again. */
  | { readonly kind: "refuse" }
  /** Only the newest of this key is of use afterwards. */
  | { readonly kind: "newest"; readonly key: string }
  /** Kept in order as long as there is room; the oldest goes first. */
  | { readonly kind: "keep" };

const REFUSE: OutageRule = { kind: "refuse" };
const KEEP: OutageRule = { kind: "keep" };
/** Subjects of which the newest message says all. */
const NEWEST: ReadonlyMap<string, OutageRule> = new Map(
  [SUBJECTS.telemetry, SUBJECTS.radarFrames, SUBJECTS.radarFramesLr, SUBJECTS.radarFramesSr].map((subject) => [
    subject,
    { kind: "newest", key: subject },
  ]),
);

/** The rule of one message; `msgId` of a track begins with the id of the track. */
export function outageRule(subject: string, msgId: string | undefined): OutageRule {
  if (subject === SUBJECTS.commands || subject.startsWith(QUERY_PREFIX) || !subject.startsWith("qiki.")) return REFUSE;
  if (subject === SUBJECTS.radarTracks) return { kind: "newest", key: `${subject} ${(msgId ?? "").split(":", 1)[0]}` };
  return NEWEST.get(subject) ?? KEEP;
}
