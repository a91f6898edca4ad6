import type { Letter } from "./incident-state.ts";
import type { Severity } from "./rule.ts";

/** What a record of the audit chain says happened, without the prefix `incident_` it has on the wire. */
export type IncidentRecordKind =
  | "open"
  | "realarm"
  | "escalate"
  | "deescalate"
  | "ack"
  | "rtn"
  | "clear"
  | "autoclear"
  | "shelve"
  | "unshelve"
  | "suppress"
  | "unsuppress"
  | "oos"
  | "return"
  | "stale"
  | "gone"
  | "refused"
  | "evicted";

/** One fact about one incident: all that its audit record says but the chain and the wall clock. */
export interface IncidentRecord {
  readonly kind: IncidentRecordKind;
  readonly incidentId: string;
  readonly ruleId: string;
  readonly occ: number;
  readonly from: Letter;
  readonly to: Letter;
  /** Why: `threshold`, `clear_on`, `operator`, `shelf_expired`, `suppressed_by RULE`, `run_changed`, … */
  readonly cause: string;
  readonly level: number;
  readonly value?: number | undefined;
  readonly limit?: number | undefined;
  /** Only on records that call the operator: open, realarm, escalate of an incident that nothing hides. */
  readonly severity?: Severity | undefined;
  readonly comment?: string | undefined;
  /** From the call to the acknowledgement, ms of event time. */
  readonly ackTimeMs?: number | undefined;
  readonly operator: string;
  readonly role: string;
  readonly requestId?: string | undefined;
  readonly ok: boolean;
  /** Event time, ms. */
  readonly atMs: number;
  readonly tick?: number | undefined;
  readonly runId?: string | undefined;
  readonly rulesHash: string;
  /** Reason, duration and the like; becomes the record's body. */
  readonly details: Readonly<Record<string, unknown>>;
}
