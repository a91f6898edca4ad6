import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { DEFAULT_PERIODS_MS } from "#alarms/incident/event-sources.ts";
import { loadIncidentRules } from "#alarms/incident/lint-rules.ts";
import { utf8Decode } from "#base/utf8.ts";
import { auditDraftSchema, incidentDraftSchema } from "#contracts/audit.ts";
import { incidentKpiSchema, incidentSchema } from "#contracts/incident.ts";
import { incidentRulesFileSchema } from "#contracts/incident-rules.ts";
import { type AlarmsInput, type AlarmsMachine, type AlarmsOutput, createAlarmsMachine, joinAlarmsState } from "./alarms-machine.ts";

const raw: unknown = parse(readFileSync("config/incident_rules.yaml", "utf8"));
const loaded = loadIncidentRules(raw, { periodsMs: DEFAULT_PERIODS_MS });
if (!loaded.ok) throw new Error("the shipped rules load");
const ruleSet = { rules: loaded.rules, hash: "shipped" };
const EPOCH_S = 1_767_225_600;
const SPIKE = "TEMP_CORE_SPIKE:core";

const create = (): AlarmsMachine => createAlarmsMachine({ ruleSet, periodsMs: DEFAULT_PERIODS_MS, honourConsoleAcks: true });
const feed = (machine: AlarmsMachine, input: AlarmsInput): readonly AlarmsOutput[] => machine.accept(input, 0 as never);
const audit = (outputs: readonly AlarmsOutput[]) => outputs.flatMap((output) => (output.kind === "audit" ? [output.draft] : []));

/** 300 events of a bad day, with actions between: fixed, so that two machines can be held against each other. */
function badDay(runId = "run-1", track = "0f0f"): AlarmsInput[] {
  const inputs: AlarmsInput[] = [];
  let seq = 0;
  const event = (subject: string, atS: number, payload: Record<string, unknown>): void => {
    seq += 1;
    const common = { schema_version: 1, ts_epoch: EPOCH_S + atS };
    inputs.push({ kind: "event", seq, subject: `qiki.events.v1.${subject}`, payload: { ...common, ...payload }, runId, tick: atS * 10 });
  };
  for (let at = 0; at < 100; at += 1) {
    event("sensor.thermal", at, { category: "sensor", source: "thermal", subject: "core", temp: at % 40 < 20 ? 75 : 60 });
    event("power.pdu", at, { category: "power", source: "pdu", subject: "main", overcurrent: at % 60 < 9 ? 1 : 0 });
    event("power.bus", at, { category: "power", source: "bus", subject: "main", current: 4.6, demand_a: 6, max_bus_a: 5 });
    if (at === 30) {
      event("radar.guard", at, {
        category: "radar",
        source: "guard",
        subject: "UNKNOWN_CONTACT_CLOSE",
        kind: "guard_alert",
        id: track,
        track_id: track,
        track_ref: "12:0",
        range_m: 60,
      });
    }
    if (at === 25)
      inputs.push({
        kind: "action",
        action: { kind: "ack", incidentId: SPIKE, occ: 1, by: { operator: "olga", role: "operator", requestId: "q1" } },
      });
    if (at === 50) {
      inputs.push({
        kind: "action",
        action: {
          kind: "shelve",
          incidentId: "POWER_BUS_OVERLOAD:main",
          durationS: 60,
          reason: "known",
          by: { operator: "olga", role: "operator" },
        },
      });
    }
  }
  return inputs;
}

describe("alarms machine", () => {
  test("INC-036 machine - fed twice it gives equal outputs, snapshot and digest; every output fits its contract", () => {
    const [one, other] = [create(), create()];
    const outputs = badDay().map((input) => feed(one, input));
    expect(badDay().map((input) => feed(other, input))).toEqual(outputs);
    expect(one.snapshot()).toEqual(other.snapshot());
    expect(one.hash()).toMatch(/^[0-9a-f]{32}$/);
    expect(other.hash()).toBe(one.hash());
    const all = outputs.flat();
    expect(new Set(all.map((output) => output.kind))).toEqual(new Set(["audit", "incident", "kpi", "result"]));
    for (const output of all) {
      if (output.kind === "audit") expect(incidentDraftSchema.strict().parse(output.draft)).toEqual(output.draft);
      if (output.kind === "incident") expect(incidentSchema.strict().parse(output.view)).toEqual(output.view);
      if (output.kind === "kpi") expect(incidentKpiSchema.strict().parse(output.kpi)).toEqual(output.kpi);
    }
  });

  test("machine - restored at any moment, whole or from the parts a store keeps, it goes on the same way", () => {
    const inputs = badDay();
    for (const stop of [1, 60, 77, 150, 199]) {
      const [unbroken, broken] = [create(), create()];
      const kept = new Map<string, string>();
      let reducer = "";
      for (const input of inputs.slice(0, stop)) {
        feed(unbroken, input);
        feed(broken, input);
        const changes = broken.takeStateChanges();
        reducer = changes.reducer;
        for (const id of changes.removed) kept.delete(id);
        for (const { id, json } of changes.changed) kept.set(id, json);
      }
      const [whole, parts] = [create(), create()];
      whole.restore(broken.snapshot());
      parts.restore(joinAlarmsState(reducer, [...kept.values()]));
      for (const restored of [whole, parts]) {
        expect(utf8Decode(restored.snapshot())).toBe(utf8Decode(unbroken.snapshot()));
        expect(restored.hash()).toBe(unbroken.hash());
      }
      for (const input of inputs.slice(stop)) {
        const expected = feed(unbroken, input);
        expect(feed(whole, input)).toEqual(expected);
        expect(feed(parts, input)).toEqual(expected);
      }
      expect(parts.hash()).toBe(unbroken.hash());
    }
  });

  test("machine - the indicators last handed out are those of now, also when only time has passed", () => {
    const machine = create();
    let shown = machine.kpi();
    const clock = (seq: number, atS: number): AlarmsInput => ({
      kind: "event",
      seq,
      subject: "qiki.events.v1.system_mode",
      payload: { ts_epoch: EPOCH_S + atS },
      runId: atS === 0 ? "run-2" : "run-1",
    });
    const chatter = Array.from({ length: 40 }, (_, index): AlarmsInput => {
      const payload = {
        ts_epoch: EPOCH_S + 110 + index,
        category: "sensor",
        source: "thermal",
        subject: "core",
        temp: index % 8 < 4 ? 75 : 60,
      };
      return { kind: "event", seq: 9000 + index, subject: "qiki.events.v1.sensor.thermal", payload, runId: "run-1" };
    });
    const later = [165, 180, 188, 195, 200, 620, 650, 700, 86_430, 86_440, 86_600, 0].map((atS, index) => clock(10_000 + index, atS));
    const seen = new Set<string>();
    for (const input of [...badDay(), ...chatter, ...later]) {
      for (const output of feed(machine, input)) if (output.kind === "kpi") shown = output.kpi;
      expect({ ...shown, t_ms: 0 }).toEqual({ ...machine.kpi(), t_ms: 0 });
      seen.add(`${shown.alarms_10m} ${shown.chattering.length} ${shown.standing_24h.length}`);
    }
    expect(seen.size).toBeGreaterThan(5);
    expect([...seen].some((text) => !text.endsWith(" 0"))).toBe(true);
    expect([...seen].some((text) => text.includes(" 1 "))).toBe(true);
  });

  test("machine - other run and track ids, equal digest", () => {
    const [one, other] = [create(), create()];
    for (const input of badDay("run-1", "aaaa")) feed(one, input);
    for (const input of badDay("run-9", "bbbb")) feed(other, input);
    expect(other.hash()).toBe(one.hash());
    expect(other.snapshot()).not.toEqual(one.snapshot());
  });

  test("machine - an event delivered twice counts once; a result tells the last sequence before it", () => {
    const machine = create();
    const inputs = badDay();
    for (const input of inputs.slice(0, 50)) feed(machine, input);
    const before = machine.snapshot();
    for (const input of inputs.slice(0, 50)) if (input.kind === "event") expect(feed(machine, input)).toEqual([]);
    expect(machine.snapshot()).toEqual(before);
    const action = { kind: "ack", incidentId: "NOPE:x", by: { operator: "o", role: "operator", requestId: "q" } } as const;
    expect(feed(machine, { kind: "action", action })).toMatchObject([
      { kind: "result", requestId: "q", afterSeq: 50, result: { ok: false, code: "invalid_parameter" } },
    ]);
    feed(machine, { kind: "stream_restarted" });
    expect(machine.afterSeq()).toBe(0);
  });

  test("INC-031 machine - a change of rules is a record of both hashes and keeps live incidents", () => {
    const machine = create();
    for (const input of badDay().slice(0, 30)) feed(machine, input);
    const by = { operator: "sam", role: "supervisor", requestId: "q2" };
    const [first, ...rest] = feed(machine, { kind: "rules", ruleSet: { rules: [], hash: "none" }, by });
    expect(first).toMatchObject({
      kind: "audit",
      draft: {
        kind: "rules_changed",
        subject: "rules",
        operator: "sam",
        request_id: "q2",
        body: { old_hash: "shipped", new_hash: "none" },
      },
    });
    auditDraftSchema.strict().parse(first?.kind === "audit" ? first.draft : undefined);
    expect(
      rest.filter((output) => output.kind === "incident").every((output) => output.kind === "incident" && output.view.rule_disabled),
    ).toBe(true);
    expect(machine.views().map((view) => view.incident_id)).toContain(SPIKE);
    expect(machine.rulesHash()).toBe("none");
  });

  test("INC-034 machine - an existing console's acknowledgement acts as its operator; our own records do nothing", () => {
    const machine = create();
    for (const input of badDay().slice(0, 30)) feed(machine, input);
    const body = {
      schema_version: 1,
      category: "audit",
      source: "orion",
      subject: "incident",
      kind: "incident_ack",
      incident_id: SPIKE,
      operator: "ivan",
    };
    const send = (seq: number, payload: unknown): readonly AlarmsOutput[] =>
      feed(machine, { kind: "event", seq, subject: "qiki.events.v1.audit", payload, runId: "run-1" });
    expect(send(100, { ...body, source: "alarms", chain_id: "c" })).toEqual([]);
    expect(audit(send(101, body))).toMatchObject([{ kind: "incident_ack", from: "B", to: "C", operator: "ivan", role: "operator" }]);
    expect(send(102, body)).toEqual([]);
  });

  test("INC-035 machine - its own records on the event stream change nothing but the position", () => {
    const machine = create();
    for (const input of badDay().slice(0, 30)) feed(machine, input);
    const hash = machine.hash();
    const payload = { category: "audit", source: "alarms", severity: "A", ts_epoch: EPOCH_S + 9999 };
    expect(feed(machine, { kind: "event", seq: 100, subject: "qiki.events.v1.operator.incidents", payload })).toEqual([]);
    expect(machine.hash()).toBe(hash);
    expect(machine.afterSeq()).toBe(100);
  });

  test("machine - refuses a snapshot that is not one, with what it is", () => {
    for (const text of ["", "{", "{}", '{"incidents":[],"reducer":{"schema":7}}']) {
      expect(() => create().restore(new TextEncoder().encode(text))).toThrow(expect.objectContaining({ code: "snapshot_refused" }));
    }
  });

  test("incident rules - the schema takes the shipped file and refuses an unknown key", () => {
    expect(incidentRulesFileSchema.safeParse(raw).success).toBe(true);
    const rules = (raw as { rules: Record<string, unknown>[] }).rules;
    const bad = incidentRulesFileSchema.safeParse({ version: 1, rules: [{ ...rules[0], treshold: 1 }] });
    expect(bad.error?.issues[0]).toMatchObject({ code: "unrecognized_keys", path: ["rules", 0] });
    const first = rules[0] as { text: { title: unknown } };
    const spoilt = { version: 1, rules: [{ ...first, text: { ...first.text, titel: 1 } }] };
    expect(incidentRulesFileSchema.safeParse(spoilt).success).toBe(false);
    expect(loadIncidentRules(spoilt, { periodsMs: DEFAULT_PERIODS_MS })).toMatchObject({
      ok: false,
      findings: [{ path: "rules[0].text.titel" }],
    });
  });
});
