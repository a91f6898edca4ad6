import { compares, isBack } from "./comparison.ts";
import type { CompiledRule } from "./compiled-rules.ts";
import { type EventSource, subjectWordsOf } from "./event-sources.ts";
import type { IncidentRule, RuleMatch } from "./rule.ts";

/** An event of a catalogued source, as rules see it. */
export interface LabelledEvent {
  readonly source: EventSource;
  readonly payload: Readonly<Record<string, unknown>>;
  /** Labels in lower case; `type` falls back to the words of the bus subject. */
  readonly type: string | undefined;
  readonly origin: string | undefined;
  readonly subject: string | undefined;
  /** The subject part of an incident id, as published. */
  readonly subjectId: string;
  /** What stands for it in a state hash. */
  readonly subjectRef: string;
}

/** What one event says about one rule's condition. */
export type Sample =
  | { readonly kind: "on"; readonly value?: number; readonly limit?: number; readonly level: number }
  /** Neither true nor back to normal. */
  | { readonly kind: "hold"; readonly value: number; readonly limit: number; readonly level: number }
  | { readonly kind: "off"; readonly value?: number; readonly limit?: number; readonly cause: "threshold" | "clear_on" }
  /** The subject is no longer observed. */
  | { readonly kind: "gone"; readonly cause: string }
  | { readonly kind: "none" };

const TYPE_KEYS = ["category", "domain", "orion_type", "ui_type"];
const SOURCE_KEYS = ["source", "system", "subsystem", "module"];
const SUBJECT_KEYS = ["subject", "name", "id", "event_id", "track_id"];

/** Reads the labels of an event (operations §6.2). */
export function labelEvent(source: EventSource, payload: Readonly<Record<string, unknown>>): LabelledEvent {
  const subject = firstLabel(payload, SUBJECT_KEYS);
  const isGuard = source.type === "radar" && source.source === "guard";
  const subjectId = (isGuard ? firstLabel(payload, ["track_id"]) : undefined) ?? subject ?? "";
  return {
    source,
    payload,
    type: firstLabel(payload, TYPE_KEYS)?.toLowerCase(),
    origin: firstLabel(payload, SOURCE_KEYS)?.toLowerCase(),
    subject: subject?.toLowerCase(),
    subjectId,
    subjectRef: (isGuard ? firstLabel(payload, ["track_ref"]) : undefined) ?? subjectId,
  };
}

/** Whether the labels of an event on one of the rule's subjects are those it looks at. */
export function matchesEvent(compiled: CompiledRule, event: LabelledEvent): boolean {
  const { match } = compiled.rule;
  if (event.subjectId === "") return false;
  return matchesType(match, event) && isOrAny(match.source, event.origin) && isOrAny(match.subject, event.subject);
}

/** What a matching event says; `currentLevel` is the incident's while in alarm, for levels fall only past the deadband. */
export function sampleOf(rule: IncidentRule, event: LabelledEvent, currentLevel: number | undefined): Sample {
  const { payload } = event;
  const { clearOn, threshold } = rule;
  if (clearOn !== undefined) {
    const cleared = payload[clearOn.field];
    if (typeof cleared === typeof clearOn.value && compares(cleared as number | string, clearOn.op, clearOn.value)) {
      return { kind: "off", cause: "clear_on", ...numberAt(payload, rule.match.field) };
    }
  }
  const { goneWhen } = event.source;
  if (goneWhen !== undefined && payload[goneWhen.field] === goneWhen.value) {
    const reason = payload.clear_reason;
    return { kind: "gone", cause: typeof reason === "string" ? reason : goneWhen.value };
  }
  if (threshold === undefined) return { kind: "on", level: 0, ...numberAt(payload, rule.match.field) };
  const value = payload[rule.match.field];
  const limit = threshold.valueField === undefined ? threshold.value : payload[threshold.valueField];
  if (!isFinite(value) || !isFinite(limit)) return { kind: "none" };
  const isOn = compares(value, threshold.op, limit);
  if (!isOn && clearOn === undefined && isBack(value, threshold.op, limit, rule.deadband))
    return { kind: "off", cause: "threshold", value, limit };
  const level = levelOf(rule, value, currentLevel ?? 0);
  return { kind: isOn ? "on" : "hold", value, limit: level === 0 ? limit : rule.levels[level - 1]!.value, level };
}

/** The highest level passed; a level held before is left only past the deadband. */
function levelOf(rule: IncidentRule, value: number, currentLevel: number): number {
  const { threshold, levels, deadband } = rule;
  if (threshold === undefined) return 0;
  let level = Math.min(currentLevel, levels.length);
  while (level > 0 && isBack(value, threshold.op, levels[level - 1]!.value, deadband)) level -= 1;
  while (level < levels.length && compares(value, threshold.op, levels[level]!.value)) level += 1;
  return level;
}

function matchesType(match: RuleMatch, event: LabelledEvent): boolean {
  if (match.type === undefined) return true;
  return event.type === undefined ? subjectWordsOf(event.source).includes(match.type) : event.type === match.type;
}

function isOrAny(wanted: string | undefined, given: string | undefined): boolean {
  return wanted === undefined || wanted === given;
}

function firstLabel(payload: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = payload[key];
    if (typeof value === "number") return String(value);
    if (typeof value !== "string") continue;
    const text = value.trim();
    if (text !== "") return text;
  }
  return undefined;
}

function numberAt(payload: Readonly<Record<string, unknown>>, field: string): { value?: number } {
  const value = payload[field];
  return isFinite(value) ? { value } : {};
}

function isFinite(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
