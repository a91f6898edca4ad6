import type { Command } from "commander";
import { type FoldedRecord, foldIncidentRecords } from "#alarms/incident/fold-records.ts";
import { type IncidentState, letterOf } from "#alarms/incident/incident-state.ts";
import { QikiError } from "#base/error.ts";
import type { AuditRecord } from "#contracts/audit.ts";
import { openAuditReader } from "#store/audit-reader.ts";
import { verdictText } from "#store/verify-chain.ts";
import { storeFile } from "./audit.ts";
import { type GatewayFlags, gatewayGet, withGateway } from "./gateway-client.ts";

const NEGATIVE = 1;

/** `qiki incidents list|rebuild`: those of a running twin, and whether kept ones are what the audit trail says. */
export function addIncidentVerbs(program: Command): void {
  const incidents = program.command("incidents").description("incidents of a running twin, or of a store at rest");
  withGateway(incidents.command("list"))
    .description("print the incidents, open ones first")
    .option("--json", "print them as JSON")
    .action(listIncidents);
  incidents
    .command("rebuild")
    .description("fold the audit chain from its first record and compare what it leads to with the incidents kept")
    .requiredOption("--store <file>", "store of a twin that is not running, such as qiki-data/qiki.sqlite")
    .requiredOption("--check", "only compare, change nothing: there is nothing else to do here")
    .option("--json", "print the verdict as JSON")
    .addHelpText("after", "\nExit codes: 0 equal, 1 different or a broken chain, 4 not readable, 5 the store is in use.")
    .action(checkRebuild);
}

function checkRebuild(flags: { readonly store: string; readonly json?: boolean }): void {
  const reader = openAuditReader(storeFile(flags.store));
  try {
    const chain = reader.verify();
    const verdict = chain.ok
      ? compare([...reader.records()] as AuditRecord[], reader.incidents())
      : { ok: false, text: verdictText(chain) };
    process.stdout.write(flags.json === true ? `${JSON.stringify(verdict)}\n` : `${verdict.text}\n`);
    process.exitCode = verdict.ok ? 0 : NEGATIVE;
  } finally {
    reader.close();
  }
}

type Summary = ReturnType<ReturnType<typeof foldIncidentRecords>["get"]>;

function compare(records: readonly AuditRecord[], kept: readonly string[]): { readonly ok: boolean; readonly text: string } {
  const folded = foldIncidentRecords(records.filter(({ subject }) => subject === "incident") as FoldedRecord[]);
  const states = new Map(kept.map((json) => stateOf(json)));
  for (const id of [...new Set([...folded.keys(), ...states.keys()])].sort()) {
    const [trail, state] = [folded.get(id), states.get(id)];
    // Closed ones leave the store with time; of what was seen and never opened there is no record.
    const isGone = state === undefined && trail?.letter === "A";
    const isNew = trail === undefined && state?.letter === "A" && state.occ === 0;
    if (!isGone && !isNew && words(trail) !== words(state))
      return { ok: false, text: `DIFFERENT ${id}: the trail leads to ${words(trail)}, kept is ${words(state)}` };
  }
  return { ok: true, text: `equal: ${states.size} incidents kept, ${folded.size} in ${records.length} records` };
}

function stateOf(json: string): readonly [string, Summary] {
  let state: IncidentState;
  try {
    state = JSON.parse(json) as IncidentState;
  } catch (cause) {
    throw new QikiError("store_damaged", `an incident in the store is not JSON: ${String(cause)}`, cause);
  }
  return [state.id, { letter: letterOf(state), occ: state.occ, level: state.level }];
}

function words(one: Summary): string {
  return one === undefined ? "nothing" : `${one.letter}, occurrence ${one.occ}, level ${one.level}`;
}

interface ListedIncident {
  readonly incident_id: string;
  readonly letter: string;
  readonly severity: string;
  readonly occ: number;
  readonly state: string;
  readonly quality: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly opened_ms: number | null;
  readonly rule: { readonly title: { readonly en: string } };
}

async function listIncidents(flags: GatewayFlags & { readonly json?: boolean }): Promise<void> {
  const { items } = await gatewayGet<{ items: readonly ListedIncident[] }>(flags, "/api/incidents");
  const isOpenFirst = (one: ListedIncident): number => (one.state === "active" ? 0 : 1);
  const sorted = items.toSorted((a, b) => isOpenFirst(a) - isOpenFirst(b) || (b.opened_ms ?? 0) - (a.opened_ms ?? 0));
  if (flags.json === true) process.stdout.write(`${JSON.stringify(sorted)}\n`);
  else if (sorted.length === 0) process.stdout.write("no incidents\n");
  else process.stdout.write(`${sorted.map(incidentLine).join("\n")}\n`);
}

function incidentLine(one: ListedIncident): string {
  const measured = one.value === null ? "" : ` ${one.value}${one.limit === null ? "" : ` limit ${one.limit}`}`;
  const stale = one.quality === "GOOD" ? "" : ` ${one.quality}`;
  return `${one.severity} ${one.letter} ${one.incident_id} occ ${one.occ}${measured}${stale}: ${one.rule.title.en}`;
}
