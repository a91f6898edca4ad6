import { assert } from "#base/assert.ts";
import { DEFAULT_PERIODS_MS } from "./event-sources.ts";
import type { IncidentRecord } from "./incident-record.ts";
import { createIncidents, type Incidents } from "./incidents.ts";
import type { ActionResult, IncidentAction } from "./operator-actions.ts";
import { parseIncidentRules } from "./parse-rules.ts";
import type { IncidentRule } from "./rule.ts";

/** 2026-01-01T00:00:00Z, where event time starts in these tests. */
export const EPOCH_MS = 1_767_225_600_000;

/** An engine with short words for the events that tests feed it. Times are seconds after the epoch. */
export interface Rig {
  readonly incidents: Incidents;
  readonly records: IncidentRecord[];
  event(subject: string, atS: number, payload: Readonly<Record<string, unknown>>, runId?: string): void;
  core(atS: number, temp: number, runId?: string): void;
  trip(atS: number, tripped: 0 | 1, runId?: string): void;
  bus(atS: number, payload: Readonly<Record<string, unknown>>): void;
  pdu(atS: number, overcurrent: 0 | 1): void;
  radar(atS: number, value: 0 | 1): void;
  guard(atS: number, rule: string, track: string, payload: Readonly<Record<string, unknown>>, runId?: string): void;
  /** Moves the clock without being a sample of any rule. */
  clock(atS: number, runId?: string): void;
  act(action: DistributiveOmit<IncidentAction, "by">): ActionResult;
  letter(id: string): string | undefined;
  /** `kind@seconds from>to` of every record since the last call. */
  log(): string[];
}

type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

export function rulesOf(raw: unknown): readonly IncidentRule[] {
  const parsed = parseIncidentRules(raw);
  assert(parsed.ok, "the rules of a test are of the form", parsed.ok ? {} : { findings: parsed.findings });
  return parsed.rules;
}

export function createRig(rules: readonly IncidentRule[], epochMs = EPOCH_MS, incidentsMax?: number): Rig {
  const incidents = createIncidents({ ruleSet: { rules, hash: "rules" }, periodsMs: DEFAULT_PERIODS_MS, incidentsMax });
  const records: IncidentRecord[] = [];
  let logged = 0;
  const drain = (): void => {
    records.push(...incidents.takeChanges().records);
  };

  const rig: Rig = {
    incidents,
    records,
    event(subject, atS, payload, runId = "run-1") {
      incidents.acceptEvent({
        subject: `qiki.events.v1.${subject}`,
        payload: { schema_version: 1, ts_epoch: (epochMs + Math.round(atS * 1000)) / 1000, ...payload },
        runId,
        tick: Math.round(atS * 10),
      });
      drain();
    },
    core: (atS, temp, runId) =>
      rig.event("sensor.thermal", atS, { category: "sensor", source: "thermal", subject: "core", temp, unit: "C" }, runId),
    trip: (atS, tripped, runId) =>
      rig.event(
        "sensor.thermal.trip",
        atS,
        {
          category: "sensor",
          source: "thermal",
          subject: "core",
          kind: tripped === 1 ? "thermal_trip" : "thermal_clear",
          tripped,
          temp: 91,
        },
        runId,
      ),
    bus: (atS, payload) =>
      rig.event("power.bus", atS, { category: "power", source: "bus", subject: "main", current: 1, bus_v: 28, ...payload }),
    pdu: (atS, overcurrent) => rig.event("power.pdu", atS, { category: "power", source: "pdu", subject: "main", overcurrent }),
    radar: (atS, value) => rig.event("radar.sensor", atS, { category: "radar", source: "sensor", subject: "ppi", value }),
    guard: (atS, rule, track, payload, runId) =>
      rig.event(
        "radar.guard",
        atS,
        { category: "radar", source: "guard", subject: rule, rule_id: rule, id: track, track_id: track, ...payload },
        runId,
      ),
    clock: (atS, runId) =>
      rig.event("system_mode", atS, { event_schema_version: 1, source: "sim", subject: "system_mode", mode: "MISSION" }, runId),
    act(action) {
      const result = incidents.act({ ...action, by: { operator: "olga", role: "operator", requestId: "req-1" } } as IncidentAction);
      drain();
      return result;
    },
    letter: (id) => incidents.view(id)?.letter,
    log() {
      const lines = records.slice(logged).map((record) => `${record.kind}@${(record.atMs - epochMs) / 1000} ${record.from}>${record.to}`);
      logged = records.length;
      return lines;
    },
  };
  return rig;
}
