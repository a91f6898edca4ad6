import { assert } from "#base/assert.ts";
import type { IncidentRecordKind } from "./incident-record.ts";
import { isMasked, type Letter } from "./incident-state.ts";

/** What can happen to an incident. */
export type Trigger =
  | "alarm"
  | "normal"
  | "rise"
  | "fall"
  | "ack"
  | "clear"
  | "shelve"
  | "unshelve"
  | "suppress"
  | "unsuppress"
  | "out_of_service"
  | "return";

type Edges = Readonly<Partial<Record<Letter, readonly Letter[]>>>;
const AFTER_SHELF: readonly Letter[] = ["A", "B", "E"];

/** Every edge of operations §6.4 and no other: the one place that says where an incident may go. */
export const TRANSITIONS: Readonly<Record<Trigger, Edges>> = {
  alarm: { A: ["B", "C"], D: ["B"], E: ["B"], F: ["B"] },
  normal: { B: ["D", "E"], C: ["A", "F"] },
  rise: { B: ["B"], C: ["B"] },
  fall: { B: ["B"], C: ["C"] },
  ack: { B: ["C"], D: ["A"], E: ["F"] },
  clear: { E: ["D"], F: ["A"] },
  shelve: { A: ["G"], B: ["G"], C: ["G"], D: ["G"], E: ["G"], F: ["G"] },
  unshelve: { G: AFTER_SHELF },
  suppress: { A: ["H"], B: ["H"], C: ["H"], D: ["H"], E: ["H"], F: ["H"], G: ["H"] },
  // An acknowledgement outlives suppression (C, F); a shelf below it shows again (G).
  unsuppress: { H: [...AFTER_SHELF, "C", "F", "G"] },
  out_of_service: { A: ["I"], B: ["I"], C: ["I"], D: ["I"], E: ["I"], F: ["I"], G: ["I"], H: ["I"] },
  return: { I: [...AFTER_SHELF, "G", "H"] },
};

/** What a kind of record says happened; the kinds that are not here move an incident nowhere. */
export const TRIGGER_OF_KIND: Readonly<Partial<Record<IncidentRecordKind, Trigger>>> = {
  open: "alarm",
  realarm: "alarm",
  escalate: "rise",
  deescalate: "fall",
  rtn: "normal",
  autoclear: "normal",
  ack: "ack",
  clear: "clear",
  shelve: "shelve",
  unshelve: "unshelve",
  suppress: "suppress",
  unsuppress: "unsuppress",
  oos: "out_of_service",
  return: "return",
};

const SILENT_TRIGGERS: ReadonlySet<Trigger> = new Set(["alarm", "normal", "rise", "fall", "unshelve"]);

/** Whether an incident may go from one letter to the other: along an edge, or silently within what hides it. */
export function isAllowed(trigger: Trigger, from: Letter, to: Letter): boolean {
  if (isMasked(from) && from === to) return SILENT_TRIGGERS.has(trigger);
  return TRANSITIONS[trigger][from]?.includes(to) ?? false;
}

export function assertAllowed(trigger: Trigger, from: Letter, to: Letter, incidentId: string): void {
  assert(isAllowed(trigger, from, to), "an incident moves along the edges of the state table", { incidentId, trigger, from, to });
}

/** Whether a transition calls the operator: an alarm comes to stand unacknowledged and unhidden, or grows. */
export function isAnnunciation(trigger: Trigger, to: Letter): boolean {
  return to === "B" && trigger !== "fall";
}
