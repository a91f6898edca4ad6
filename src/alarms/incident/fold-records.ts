import type { Letter } from "./incident-state.ts";

/** What the fold reads of a chained incident record, under its wire names. */
export interface FoldedRecord {
  readonly kind: string;
  readonly incident_id: string;
  readonly occ: number;
  readonly level: number;
  readonly to: Letter;
}

export interface FoldedIncident {
  readonly occ: number;
  readonly level: number;
  readonly letter: Letter;
}

/**
 * The states that the incident records of a chain lead to (operations §6.8): every transition is a record, so letter,
 * occurrence and level of each incident are those of its last one. An evicted incident is gone.
 */
export function foldIncidentRecords(records: Iterable<FoldedRecord>): Map<string, FoldedIncident> {
  const incidents = new Map<string, FoldedIncident>();
  for (const { kind, incident_id, occ, level, to } of records) {
    if (kind === "incident_evicted") incidents.delete(incident_id);
    else incidents.set(incident_id, { occ, level, letter: to });
  }
  return incidents;
}
