import type { DurableDefinition, StreamDefinition } from "#contracts/streams.ts";
import type { SettingDifference } from "./port.ts";
import { covers } from "./subject.ts";

/** The subjects of an existing stream once it also takes the wanted ones; those that a wider one covers give way to it. */
export function widenSubjects(existing: readonly string[], wanted: readonly string[]): { subjects: string[]; added: string[] } {
  const added = wanted.filter((pattern) => !existing.some((known) => covers(known, pattern)));
  const kept = existing.filter((known) => !added.some((pattern) => covers(pattern, known)));
  return { subjects: [...kept, ...added], added };
}

/** Settings beside the subjects in which an existing stream is not as wanted. */
export function streamDifferences(existing: StreamDefinition, wanted: StreamDefinition): SettingDifference[] {
  return differences(wanted.name, [
    ["source", sourceText(existing), sourceText(wanted)],
    ["maxAgeMs", existing.maxAgeMs, wanted.maxAgeMs],
    ["maxBytes", existing.maxBytes, wanted.maxBytes],
    ["dedupWindowMs", existing.dedupWindowMs, wanted.dedupWindowMs],
  ]);
}

export function durableDifferences(existing: DurableDefinition, wanted: DurableDefinition): SettingDifference[] {
  return differences(`${wanted.stream}/${wanted.name}`, [
    ["filter", existing.filter, wanted.filter],
    ["deliver", JSON.stringify(existing.deliver), JSON.stringify(wanted.deliver)],
    ["ackWaitMs", existing.ackWaitMs, wanted.ackWaitMs],
    ["maxDeliver", existing.maxDeliver, wanted.maxDeliver],
    ["maxAckPending", existing.maxAckPending, wanted.maxAckPending],
  ]);
}

function differences(owner: string, settings: readonly (readonly [string, string | number, string | number])[]): SettingDifference[] {
  return settings
    .filter(([, kept, wanted]) => kept !== wanted)
    .map(([name, kept, wanted]) => ({ setting: `${owner}.${name}`, kept: String(kept), wanted: String(wanted) }));
}

function sourceText(definition: StreamDefinition): string {
  return definition.source === undefined ? "none" : `${definition.source.stream} ${definition.source.filter}`;
}
