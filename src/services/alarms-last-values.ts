import { base64UrlDecode } from "#base/base64url.ts";
import { utf8Decode } from "#base/utf8.ts";
import { QikiError } from "#base/error.ts";
import type { Bus } from "#bus/port.ts";
import type { IncidentKpiWire, IncidentWire } from "#contracts/incident.ts";
import { INCIDENT_KEY_PREFIX, incidentKey, STATE_BUCKET, STATE_KEYS } from "#contracts/streams.ts";
import type { AlarmsStore } from "#store/alarms-store.ts";
import type { AlarmsOutput } from "#twin/alarms-machine.ts";
import type { Clock } from "./clock.ts";
import type { RulesFile } from "./incident-rules-file.ts";
import type { Log } from "./log.ts";
import { alarmsMeta } from "./recording-meta.ts";

/** How long a closed incident is still shown, ms of wall time (operations §6.4). */
export const CLOSED_SHOWN_MS = 86_400_000;

/** What the alarms role shows in the bucket of last values. */
export interface AlarmsLastValues {
  /** Shows what outputs of the machine changed. */
  show(outputs: readonly AlarmsOutput[]): void;
  /** Shows consoles the rules in force, and recordings their text. */
  showRules(rules: Pick<RulesFile, "view" | "ruleSet" | "text" | "incidentsMax">): void;
  showHead(): void;
  /** Takes away incidents that were closed a day ago. */
  removeOld(): void;
}

export interface LastValuesOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: AlarmsStore;
}

/** Puts the whole present state into the bucket, takes away incidents of it that no longer exist, and follows from there. */
export function openAlarmsLastValues(
  { bus, clock, log, store }: LastValuesOptions,
  present: { readonly views: readonly IncidentWire[]; readonly kpi: IncidentKpiWire },
): AlarmsLastValues {
  const values = bus.lastValue(STATE_BUCKET);
  const known = new Set(present.views.map((view) => view.incident_id));
  /** Wall time of closing of the incidents shown as closed. */
  const closedAtMs = new Map<string, number>();

  function settle(key: string, change: Promise<unknown>): void {
    change.catch((error: unknown) => {
      if (!(error instanceof QikiError && error.code === "closed")) log.error({ key, err: error }, "a last value was not stored");
    });
  }

  function put(key: string, value: unknown): void {
    settle(key, values.put(key, Buffer.from(JSON.stringify(value))));
  }

  function remove(incidentId: string): void {
    closedAtMs.delete(incidentId);
    const key = incidentKey(incidentId);
    settle(key, values.delete(key));
  }

  function showIncident(view: IncidentWire, closedMs: number): void {
    known.add(view.incident_id);
    if (view.state === "active") closedAtMs.delete(view.incident_id);
    else if (!closedAtMs.has(view.incident_id)) closedAtMs.set(view.incident_id, closedMs);
    put(incidentKey(view.incident_id), view);
  }

  function removeOld(): void {
    for (const [incidentId, atMs] of closedAtMs) if (clock.nowMs() - atMs >= CLOSED_SHOWN_MS) remove(incidentId);
  }

  /** An earlier process may have left incidents that this store does not know. */
  async function removeUnknown(): Promise<void> {
    for await (const { key, bytes } of values.watch(INCIDENT_KEY_PREFIX, { existing: true })) {
      const incidentId = utf8Decode(base64UrlDecode(key.slice(INCIDENT_KEY_PREFIX.length)) ?? new Uint8Array());
      if (bytes !== undefined && !known.has(incidentId ?? "")) settle(key, values.delete(key));
    }
  }

  for (const view of present.views) {
    const [last] = store.list({ incident: view.incident_id }, undefined, 1, "newest").items;
    showIncident(view, last === undefined ? clock.nowMs() : Date.parse(last.wall));
  }
  removeOld();
  put(STATE_KEYS.kpi, present.kpi);
  settle(INCIDENT_KEY_PREFIX, removeUnknown());

  return {
    show(outputs) {
      const views = new Map<string, IncidentWire>();
      let kpi: IncidentKpiWire | undefined;
      for (const output of outputs) {
        if (output.kind === "incident") views.set(output.view.incident_id, output.view);
        else if (output.kind === "kpi") kpi = output.kpi;
        else if (output.kind === "removed") {
          views.delete(output.incidentId);
          known.delete(output.incidentId);
          remove(output.incidentId);
        }
      }
      for (const view of views.values()) showIncident(view, clock.nowMs());
      if (kpi !== undefined) put(STATE_KEYS.kpi, kpi);
    },
    showRules(rules) {
      put(STATE_KEYS.rules, rules.view());
      put(STATE_KEYS.alarmsMeta, alarmsMeta(rules));
    },
    showHead: () => put(STATE_KEYS.auditHead, store.head()),
    removeOld,
  };
}
