import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { createRig, EPOCH_MS, type Rig, rulesOf } from "./test-rig.ts";

const SHIPPED = rulesOf(parse(readFileSync("config/incident_rules.yaml", "utf8")));
const SPIKE = "TEMP_CORE_SPIKE:core";
const TRIP = "TEMP_CORE_TRIP:core";
const OVERCURRENT = "POWER_PDU_OVERCURRENT:main";
const OVERLOAD = "POWER_BUS_OVERLOAD:main";
const NEAR = "POWER_BUS_NEAR_LIMIT:main";
const UNKNOWN = "UNKNOWN_CONTACT_CLOSE";

const rig = (): Rig => createRig(SHIPPED);
/** One rule on the core's temperature, as a test needs it. */
function coreRule(extra: Record<string, unknown>): Rig {
  return createRig(
    rulesOf({
      version: 1,
      rules: [
        {
          id: "R",
          match: { type: "sensor", source: "thermal", subject: "core", field: "temp" },
          threshold: { op: ">", value: 70 },
          severity: "W",
          require_ack: true,
          ...extra,
        },
      ],
    }),
  );
}

describe("periodic sources", () => {
  test("INC-001 on-delay - core 71 opens at 3 s and not before, with its peak", () => {
    const it = rig();
    for (const at of [0, 1, 2]) it.core(at, 71);
    expect(it.letter(SPIKE)).toBeUndefined();
    it.core(3, 71);
    expect(it.log()).toEqual(["open@3 A>B"]);
    expect(it.incidents.view(SPIKE)).toMatchObject({
      letter: "B",
      peak: 71,
      occ: 1,
      count: 1,
      severity: "C",
      openedTick: 30,
      quality: "GOOD",
    });
    expect(it.records[0]).toMatchObject({
      severity: "C",
      value: 71,
      limit: 70,
      level: 0,
      cause: "threshold",
      operator: "system",
      rulesHash: "rules",
    });
  });

  test("incidents - the peak takes the time of the on-delay in", () => {
    const it = rig();
    for (const [at, temp] of [
      [0, 71],
      [1, 88],
      [2, 72],
      [3, 71],
      [4, 75],
    ] as const) {
      it.core(at, temp);
    }
    expect(it.incidents.view(SPIKE)).toMatchObject({ peak: 88, value: 75, count: 2 });
  });

  test("INC-002 on-delay - a false sample starts it afresh", () => {
    const it = rig();
    for (const at of [0, 1, 2]) it.core(at, 71);
    it.core(3, 69.5);
    for (const at of [4, 5, 6]) it.core(at, 71);
    expect(it.log()).toEqual([]);
    it.core(7, 71);
    expect(it.log()).toEqual(["open@7 A>B"]);
  });

  test("INC-003 deadband - 69.5 holds, 68.9 returns after the off-delay", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 71);
    for (let at = 4; at < 20; at += 1) it.core(at, 69.5);
    for (let at = 20; at <= 22; at += 1) it.core(at, 68.9);
    expect(it.letter(SPIKE)).toBe("B");
    it.core(23, 68.9);
    expect(it.log()).toEqual(["open@3 A>B", "rtn@23 B>D"]);
  });

  test("incidents - a value back inside the deadband starts the off-delay afresh", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 71);
    for (const [at, temp] of [
      [4, 68],
      [5, 68],
      [6, 69],
      [7, 68],
      [8, 68],
      [9, 68],
    ] as const) {
      it.core(at, temp);
    }
    expect(it.letter(SPIKE)).toBe("B");
    it.core(10, 68);
    expect(it.letter(SPIKE)).toBe("D");
  });

  test("INC-004 gap - 2.5 s continues the on-delay, 2.501 s starts it afresh", () => {
    const kept = rig();
    for (const at of [0, 2.5, 5]) kept.core(at, 71);
    expect(kept.log()).toEqual(["open@5 A>B"]);
    const restarted = rig();
    for (const at of [0, 2.501, 5]) restarted.core(at, 71);
    expect(restarted.log()).toEqual([]);
    restarted.core(5.501, 71);
    expect(restarted.log()).toEqual(["open@5.501 A>B"]);
  });

  test("INC-005 cadence - overcurrent opens at samples 1.002 s and 0.999 s apart", () => {
    const slow = rig();
    for (const at of [0, 1.002]) slow.pdu(at, 1);
    expect(slow.log()).toEqual(["open@1.002 A>B"]);
    const quick = rig();
    for (const at of [0, 0.999]) quick.pdu(at, 1);
    expect(quick.log()).toEqual([]);
    quick.pdu(1.998, 1);
    expect(quick.log()).toEqual(["open@1.998 A>B"]);
  });

  test("INC-017 stale - silence while others speak is STALE at last + 2.5 s, never a return to normal", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 71);
    it.log();
    it.radar(5.5, 1);
    expect(it.log()).toEqual([]);
    it.radar(5.501, 1);
    expect(it.log()).toEqual(["stale@5.5 B>B"]);
    for (let at = 6; at < 100; at += 1) it.radar(at, 1);
    expect(it.log()).toEqual([]);
    expect(it.incidents.view(SPIKE)).toMatchObject({ letter: "B", quality: "STALE", qualityCause: "no_samples" });
    it.core(100, 68);
    expect(it.incidents.view(SPIKE)).toMatchObject({ letter: "B", quality: "GOOD" });
    for (const at of [101, 102, 103]) it.core(at, 68);
    expect(it.log()).toEqual(["rtn@103 B>D"]);
  });

  test("INC-018 value_field - demand over the bus limit opens at 2 s; a higher or absent limit does not", () => {
    const it = rig();
    for (const at of [0, 1, 2]) it.bus(at, { demand_a: 5.3, current: 3.9, max_bus_a: 5 });
    expect(it.log()).toEqual(["open@2 A>B"]);
    expect(it.records[0]).toMatchObject({ ruleId: "POWER_BUS_OVERLOAD", value: 5.3, limit: 5 });
    for (const limit of [{ max_bus_a: 8 }, {}]) {
      const none = rig();
      for (let at = 0; at < 20; at += 1) none.bus(at, { demand_a: 5.3, current: 3.9, ...limit });
      expect(none.log()).toEqual([]);
    }
  });

  test("INC-019 radar - a sensor that says 0 opens signal loss at 2 s; no sample never does", () => {
    const it = rig();
    for (const at of [0, 1, 2]) it.radar(at, 0);
    expect(it.log()).toEqual(["open@2 A>B"]);
    const off = rig();
    for (let at = 0; at < 60; at += 1) off.core(at, 25);
    expect(off.log()).toEqual([]);
  });

  test("INC-014 repeats - 100 after the acknowledgement: acknowledged still, count 101", () => {
    const it = coreRule({});
    it.core(0, 71);
    expect(it.act({ kind: "ack", incidentId: "R:core", occ: 1 })).toEqual({ ok: true, already: false });
    for (let at = 1; at <= 100; at += 1) it.core(at, 71);
    expect(it.incidents.view("R:core")).toMatchObject({ letter: "C", acked: true, count: 101, lastSeenMs: EPOCH_MS + 100_000 });
  });

  test("INC-015 levels - W grows to C after the acknowledgement: called again, the first stays in history; a fall is silent", () => {
    const it = coreRule({ severity: "W", deadband: 1, levels: [{ value: 80, severity: "C" }] });
    it.core(0, 71);
    it.act({ kind: "ack", incidentId: "R:core", occ: 1, comment: "seen" });
    it.core(1, 81);
    expect(it.incidents.view("R:core")).toMatchObject({
      letter: "B",
      level: 1,
      severity: "C",
      limit: 80,
      ackHistory: [{ comment: "seen", level: 0 }],
    });
    it.act({ kind: "ack", incidentId: "R:core", occ: 1 });
    it.core(2, 79.5);
    expect(it.incidents.view("R:core")!.level).toBe(1);
    it.core(3, 78.9);
    expect(it.incidents.view("R:core")).toMatchObject({ letter: "C", level: 0, severity: "W" });
    expect(it.log()).toEqual(["open@0 A>B", "ack@0 B>C", "escalate@1 C>B", "ack@1 B>C", "deescalate@3 C>C"]);
    expect(it.incidents.kpi().alarms10m).toBe(2);
  });

  test("INC-012 cooldown - a recurrence 1 ms early waits for the cooldown's end", () => {
    const it = coreRule({ threshold: { op: ">", value: 70, cooldown_s: 30 }, require_ack: false, gap_tolerance_s: 100 });
    it.core(0, 71);
    it.core(10, 60);
    it.core(39.999, 71);
    expect(it.log()).toEqual(["open@0 A>C", "autoclear@10 C>A"]);
    it.core(40, 71);
    expect(it.log()).toEqual(["open@40 A>C"]);
    expect(it.incidents.view("R:core")!.occ).toBe(2);
  });

  test("INC-011 recurrence - after the cooldown a closed incident opens anew", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 71);
    it.act({ kind: "ack", incidentId: SPIKE, occ: 1 });
    for (let at = 4; at <= 7; at += 1) it.core(at, 60);
    for (let at = 8; at <= 37; at += 1) it.core(at, 71);
    expect(it.log()).toEqual(["open@3 A>B", "ack@3 B>C", "autoclear@7 C>A", "open@37 A>B"]);
    expect(it.incidents.view(SPIKE)).toMatchObject({ occ: 2, letter: "B", acked: false });
  });

  test("INC-013 recurrence - unacknowledged and normal, it alarms again at once, cooldown or not", () => {
    const it = coreRule({ threshold: { op: ">", value: 70, cooldown_s: 30 } });
    it.core(0, 71);
    it.core(1, 60);
    it.core(2, 71);
    expect(it.log()).toEqual(["open@0 A>B", "rtn@1 B>D", "realarm@2 D>B"]);
  });

  test("incidents - late, equal and repeated samples are ignored and counted", () => {
    const it = rig();
    it.core(0, 71);
    it.core(2, 71);
    for (const at of [2, 2, 1]) it.core(at, 20);
    expect(it.incidents.ignored().lateSample).toBe(3);
    it.core(3, 71);
    expect(it.log()).toEqual(["open@3 A>B"]);
    it.event("sensor.thermal", 4, { category: "sensor", source: "thermal", subject: "core", temp: "hot" });
    expect(it.incidents.ignored().noSample).toBe(1);
  });

  test("INC-037 paused - repeats of one instant for an hour change nothing", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 71);
    it.log();
    const before = JSON.stringify(it.incidents.snapshot().incidents);
    for (let repeat = 0; repeat < 3600; repeat += 1) {
      it.core(3, 71);
      it.pdu(3, 0);
    }
    expect(it.log()).toEqual([]);
    expect(JSON.stringify(it.incidents.snapshot().incidents.filter((incident) => incident.occ > 0))).toBe(
      JSON.stringify((JSON.parse(before) as { occ: number }[]).filter((incident) => incident.occ > 0)),
    );
  });

  test("INC-029 unattended - records are written with nobody acting", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 71);
    for (let at = 4; at <= 7; at += 1) it.core(at, 20);
    expect(it.log()).toEqual(["open@3 A>B", "rtn@7 B>D"]);
    expect(it.records.every((record) => record.operator === "system")).toBe(true);
  });
});

describe("edge sources", () => {
  test("INC-009 latch - after the clear E, acknowledged F, cleared A", () => {
    const it = rig();
    it.trip(0, 1);
    it.trip(50, 0);
    expect(it.letter(TRIP)).toBe("E");
    it.act({ kind: "ack", incidentId: TRIP, occ: 1 });
    expect(it.letter(TRIP)).toBe("F");
    it.act({ kind: "clear", incidentId: TRIP, occ: 1, comment: "cooled" });
    expect(it.letter(TRIP)).toBe("A");
    expect(it.log()).toEqual(["open@0 A>B", "rtn@50 B>E", "ack@50 E>F", "clear@50 F>A"]);
    expect(it.records[2]).toMatchObject({ ackTimeMs: 50_000, operator: "olga", requestId: "req-1" });
  });

  test("INC-008 trip - severity A, and the spike below it is suppressed", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 91);
    it.trip(3.1, 1);
    expect(it.incidents.view(TRIP)).toMatchObject({ letter: "B", severity: "A" });
    expect(it.letter(SPIKE)).toBe("H");
    expect(it.log()).toEqual(["open@3 A>B", "open@3.1 A>B", "suppress@3.1 B>H"]);
  });

  test("INC-012 cooldown - at an edge source the recurrence opens by itself at the cooldown's end", () => {
    const it = rig();
    it.trip(0, 1);
    it.trip(10, 0);
    it.act({ kind: "ack", incidentId: TRIP, occ: 1 });
    it.act({ kind: "clear", incidentId: TRIP, occ: 1, comment: "ok" });
    it.log();
    it.trip(69.999, 1);
    expect(it.log()).toEqual([]);
    it.core(80, 20);
    expect(it.log()).toEqual(["open@70 A>B"]);
  });

  test("INC-020 guard - opens at 70.0 m, repeats keep it one, the exit latches", () => {
    const it = rig();
    it.guard(0, UNKNOWN, "t1", { kind: "guard_alert", range_m: 70 });
    it.guard(1, UNKNOWN, "t1", { kind: "guard_alert", range_m: 69 });
    it.guard(9, UNKNOWN, "t1", { kind: "guard_clear", clear_reason: "exit", last_range_m: 75.1 });
    expect(it.log()).toEqual(["open@0 A>B", "rtn@9 B>E"]);
    expect(it.incidents.view(`${UNKNOWN}:t1`)).toMatchObject({ count: 2, peak: 69 });
    it.guard(20, UNKNOWN, "t2", { kind: "guard_alert", range_m: 70.1 });
    expect(it.letter(`${UNKNOWN}:t2`)).toBeUndefined();
  });

  test("INC-021 guard - a spoofing contact at 400 m is a warning", () => {
    const it = rig();
    it.guard(0, "SPOOFING_DETECTED", "t1", { kind: "guard_alert", range_m: 400, transponder_mode: 3 });
    expect(it.incidents.view("SPOOFING_DETECTED:t1")).toMatchObject({ letter: "B", severity: "W" });
  });

  test("INC-022 guard - a silent foe at 120 m is an alarm", () => {
    const it = rig();
    it.guard(0, "FOE_TRANSPONDER_OFF_APPROACH", "t1", { kind: "guard_alert", range_m: 120, transponder_mode: 0 });
    expect(it.incidents.view("FOE_TRANSPONDER_OFF_APPROACH:t1")).toMatchObject({ letter: "B", severity: "A" });
  });

  test("INC-023 guard - two rules on one track are two incidents", () => {
    const it = rig();
    it.guard(0, UNKNOWN, "t1", { kind: "guard_alert", range_m: 60 });
    it.guard(0, "SPOOFING_DETECTED", "t1", { kind: "guard_alert", range_m: 60, transponder_mode: 3 });
    expect(it.incidents.ids()).toEqual([`${UNKNOWN}:t1`, "SPOOFING_DETECTED:t1"]);
  });

  test("INC-024 gone - a track lost inside stays in alarm as GONE; only a person with a comment ends it", () => {
    const it = rig();
    const id = `${UNKNOWN}:t1`;
    it.guard(10, UNKNOWN, "t1", { kind: "guard_alert", range_m: 60 });
    it.guard(10, UNKNOWN, "t1", { kind: "guard_clear", clear_reason: "track_lost" });
    expect(it.incidents.view(id)).toMatchObject({ letter: "B", cond: "ALARM", quality: "GONE", qualityCause: "track_lost" });
    expect(it.act({ kind: "clear", incidentId: id, occ: 1, comment: " " })).toMatchObject({
      ok: false,
      code: "invalid_parameter",
      field: "comment",
    });
    it.act({ kind: "clear", incidentId: id, occ: 1, comment: "left the area" });
    expect(it.letter(id)).toBe("D");
    it.act({ kind: "ack", incidentId: id, occ: 1 });
    expect(it.log()).toEqual(["open@10 A>B", "gone@10 B>B", "rtn@10 B>E", "clear@10 E>D", "ack@10 D>A"]);
  });

  test("INC-024 gone - the clear of a reset moves no clock, whichever comes first", () => {
    for (const isClearFirst of [true, false]) {
      const it = rig();
      const id = `${UNKNOWN}:t1`;
      it.guard(100, UNKNOWN, "t1", { kind: "guard_alert", range_m: 60 });
      if (!isClearFirst) it.clock(0, "run-2");
      const before = it.incidents.clock().ms;
      it.guard(500, UNKNOWN, "t1", { kind: "guard_clear", clear_reason: "reset" }, isClearFirst ? "run-2" : "run-1");
      expect(it.incidents.clock().ms).toBe(before);
      if (isClearFirst) it.clock(0, "run-2");
      expect(it.incidents.view(id)).toMatchObject({ letter: "B", quality: "GONE", qualityCause: "reset" });
      expect(it.incidents.clock()).toMatchObject({ ms: EPOCH_MS, runId: "run-2" });
    }
  });

  test("incidents - an alert that overtakes the first event of its run is not lost", () => {
    const it = rig();
    it.core(500, 20);
    it.guard(0.5, UNKNOWN, "t9", { kind: "guard_alert", range_m: 60 }, "run-2");
    it.core(1, 20, "run-2");
    expect(it.incidents.view(`${UNKNOWN}:t9`)).toMatchObject({ letter: "B", quality: "GOOD" });
    it.guard(900, UNKNOWN, "t10", { kind: "guard_alert", range_m: 60 }, "run-3");
    expect(it.incidents.clock()).toMatchObject({ ms: EPOCH_MS + 1000, runId: "run-2" });
    expect(it.letter(`${UNKNOWN}:t10`)).toBe("B");
  });

  test("incidents - deadlines fire in the order due time, incident, kind, before the event that passes them", () => {
    const it = createRig(
      rulesOf({
        version: 1,
        rules: ["B_RULE", "A_RULE"].map((id) => ({
          id,
          match: { type: "sensor", source: "thermal", field: "tripped" },
          threshold: { op: "=", value: 1 },
          on_delay_s: 5,
          severity: "W",
        })),
      }),
    );
    it.event("sensor.thermal.trip", 0, { category: "sensor", source: "thermal", subject: "pdu", kind: "thermal_trip", tripped: 1 });
    it.event("sensor.thermal.trip", 0, { category: "sensor", source: "thermal", subject: "core", kind: "thermal_trip", tripped: 1 });
    it.clock(4.999);
    expect(it.records).toEqual([]);
    it.clock(9);
    expect(it.records.map((record) => record.incidentId)).toEqual(["A_RULE:core", "A_RULE:pdu", "B_RULE:core", "B_RULE:pdu"]);
    expect(it.records.every((record) => record.atMs === EPOCH_MS + 5000)).toBe(true);
  });
});

describe("runs", () => {
  test("INC-027 reset - STALE by run_changed, then a good sample returns it; a tripped core by its clear", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 71);
    it.trip(3.5, 1);
    it.log();
    it.trip(0, 0, "run-2");
    expect(it.log()).toEqual(["stale@0 H>H", "stale@0 B>B", "rtn@0 B>E", "unsuppress@0 H>B"]);
    expect(it.incidents.view(SPIKE)).toMatchObject({ quality: "STALE", qualityCause: "run_changed", cond: "ALARM" });
    for (let at = 1; at <= 4; at += 1) it.core(at, 25, "run-2");
    expect(it.log()).toEqual(["rtn@4 B>D"]);
  });

  test("incidents - events of an older run that come late are ignored and counted", () => {
    const it = rig();
    it.core(50, 20, "run-1");
    it.core(0, 20, "run-2");
    it.core(51, 99, "run-1");
    expect(it.incidents.clock()).toMatchObject({ ms: EPOCH_MS, runId: "run-2" });
    expect(it.incidents.ignored().oldRun).toBe(1);
  });

  test("incidents - what is left of a shelf carries over to the next run", () => {
    const it = coreRule({});
    it.core(100, 71);
    it.act({ kind: "shelve", incidentId: "R:core", durationS: 60, reason: "known" });
    it.clock(120);
    it.clock(0, "run-2");
    it.log();
    it.clock(39.999, "run-2");
    expect(it.letter("R:core")).toBe("G");
    it.clock(40, "run-2");
    expect(it.log()).toEqual(["unshelve@40 G>B"]);
  });

  test("incidents - what is left of a cooldown carries over to the next run", () => {
    const it = coreRule({ threshold: { op: ">", value: 70, cooldown_s: 30 }, require_ack: false });
    it.core(100, 71);
    it.core(101, 60);
    it.clock(111);
    it.core(0, 71, "run-2");
    for (let at = 1; at < 20; at += 1) it.core(at, 71, "run-2");
    expect(it.log()).toEqual(["open@100 A>C", "autoclear@101 C>A"]);
    it.core(20, 71, "run-2");
    expect(it.log()).toEqual(["open@20 A>C"]);
  });

  test("INC-036 replay - the same events give the same records, and the same but for the epoch in another year", () => {
    const run = (epochMs: number): string[] => {
      const it = createRig(SHIPPED, epochMs);
      for (let at = 0; at <= 200; at += 1) {
        it.core(at, at % 50 < 25 ? 75 : 60);
        it.pdu(at, at % 70 < 20 ? 1 : 0);
        it.bus(at, { demand_a: 6, current: 4.5, max_bus_a: 5 });
        if (at % 40 === 7) it.act({ kind: "ack", incidentId: SPIKE });
        if (at === 90) it.act({ kind: "shelve", incidentId: OVERLOAD, durationS: 60, reason: "test" });
      }
      return it.records.map((record) => JSON.stringify({ ...record, atMs: record.atMs - epochMs, details: {} }));
    };
    const first = run(EPOCH_MS);
    expect(first.length).toBeGreaterThan(20);
    expect(run(EPOCH_MS)).toEqual(first);
    expect(run(978_307_200_000)).toEqual(first);
  });

  test("INC-035 own audit - records on the bus and foreign subjects open nothing and move no clock", () => {
    const it = rig();
    it.core(0, 20);
    const body = { category: "sensor", source: "thermal", subject: "core", temp: 99, severity: "A" };
    for (const subject of ["audit", "operator.incidents", "operator.actions", "bios_status"]) {
      for (let at = 1; at < 10; at += 1) it.event(subject, at * 1000, body);
    }
    expect(it.log()).toEqual([]);
    expect(it.incidents.clock().ms).toBe(EPOCH_MS);
  });
});

describe("suppression", () => {
  test("suppression - overcurrent hides overload and near-limit, also those that open below it", () => {
    const it = rig();
    for (let at = 0; at <= 2; at += 1) {
      it.bus(at, { demand_a: 6, current: 4.5, max_bus_a: 5 });
      it.pdu(at, at === 0 ? 0 : 1);
    }
    expect(it.letter(OVERCURRENT)).toBe("B");
    expect(it.letter(OVERLOAD)).toBe("H");
    expect(it.letter(NEAR)).toBe("H");
    expect(it.records.map(({ kind, ruleId, from, to }) => `${kind} ${ruleId} ${from}>${to}`)).toEqual([
      "open POWER_BUS_NEAR_LIMIT A>B",
      "open POWER_BUS_OVERLOAD A>B",
      "suppress POWER_BUS_NEAR_LIMIT B>H",
      "open POWER_PDU_OVERCURRENT A>B",
      "suppress POWER_BUS_OVERLOAD B>H",
    ]);
    expect(it.records.filter((record) => record.to === "H").every((record) => record.severity === undefined)).toBe(true);
  });

  test("suppression - when it ends what is still true calls; an unchanged acknowledgement is kept", () => {
    const it = rig();
    for (let at = 0; at <= 2; at += 1) it.bus(at, { demand_a: 6, current: 4.5, max_bus_a: 5 });
    it.act({ kind: "ack", incidentId: OVERLOAD, occ: 1 });
    for (let at = 3; at <= 4; at += 1) {
      it.bus(at, { demand_a: 6, current: 4.5, max_bus_a: 5 });
      it.pdu(at, 1);
    }
    expect(it.letter(OVERLOAD)).toBe("H");
    for (let at = 5; at <= 7; at += 1) {
      it.bus(at, { demand_a: 6, current: 4.5, max_bus_a: 5 });
      it.pdu(at, 0);
    }
    expect(it.letter(OVERLOAD)).toBe("C");
    expect(it.incidents.view(NEAR)).toMatchObject({ letter: "H", suppressedBy: ["POWER_BUS_OVERLOAD"] });
  });

  test("suppression - a suppressor taken out of service hides nothing", () => {
    const it = rig();
    for (let at = 0; at <= 3; at += 1) it.core(at, 91);
    it.trip(3.1, 1);
    it.act({ kind: "out_of_service", incidentId: TRIP, reason: "sensor swap" });
    expect(it.letter(SPIKE)).toBe("B");
    it.act({ kind: "return", incidentId: TRIP, reason: "done" });
    expect([it.letter(TRIP), it.letter(SPIKE)]).toEqual(["B", "H"]);
  });
});

describe("indicators", () => {
  const guards = (it: Rig, count: number, fromS: number): void => {
    for (let index = 0; index < count; index += 1)
      it.guard(fromS + index, UNKNOWN, `t${fromS + index}`, { kind: "guard_alert", range_m: 50 });
  };

  test("INC-033 flood - on with 11 calls in 600 s, off with 4", () => {
    const it = rig();
    guards(it, 10, 0);
    expect(it.incidents.kpi()).toMatchObject({ alarms10m: 10, flood: false });
    guards(it, 1, 10);
    expect(it.incidents.kpi()).toMatchObject({ alarms10m: 11, flood: true });
    it.clock(605);
    expect(it.incidents.kpi()).toMatchObject({ alarms10m: 5, flood: true });
    it.clock(606);
    expect(it.incidents.kpi()).toMatchObject({ alarms10m: 4, flood: false });
  });

  test("INC-040 flood - a reset clears the windows", () => {
    const it = rig();
    guards(it, 12, 0);
    expect(it.incidents.kpi().flood).toBe(true);
    it.clock(0, "run-2");
    expect(it.incidents.kpi()).toMatchObject({ alarms10m: 0, flood: false, top10: [], priorityMix: { C: 0 } });
  });

  test("indicators - chattering, standing, acknowledgement times, mix, share and shelved", () => {
    const it = coreRule({});
    for (const at of [0, 2, 4]) {
      it.core(at, 71);
      it.core(at + 1, 60);
    }
    expect(it.incidents.kpi()).toMatchObject({ chattering: ["R:core"], top10Share: 1, priorityMix: { W: 3 } });
    it.core(6, 71);
    it.clock(16);
    it.act({ kind: "ack", incidentId: "R:core" });
    expect(it.incidents.kpi()).toMatchObject({ ackTimeP50S: 10, ackTimeP95S: 10 });
    it.act({ kind: "shelve", incidentId: "R:core", durationS: 3600, reason: "known" });
    expect(it.incidents.kpi().shelved).toBe(1);
    it.clock(86_406);
    expect(it.incidents.kpi()).toMatchObject({ standing: [], chattering: [] });
    it.clock(86_406.001);
    expect(it.incidents.kpi().standing).toEqual(["R:core"]);
  });

  test("incidents - of more than 500 the longest closed leaves, live ones never", () => {
    const it = rig();
    guards(it, 500, 0);
    for (const track of ["t3", "t1"]) {
      const id = `${UNKNOWN}:${track}`;
      it.guard(600, UNKNOWN, track, { kind: "guard_clear", clear_reason: "exit" });
      it.act({ kind: "ack", incidentId: id });
      it.act({ kind: "clear", incidentId: id, occ: 1, comment: "gone" });
      it.clock(601 + (track === "t1" ? 1 : 0));
    }
    guards(it, 3, 1000);
    expect(it.log().filter((line) => line.startsWith("evicted"))).toEqual(["evicted@1000 A>A", "evicted@1001 A>A"]);
    expect(it.incidents.view(`${UNKNOWN}:t3`)).toBeUndefined();
    expect(it.incidents.ids()).toHaveLength(501);
  });

  test("incidents - the limit is what the settings say", () => {
    const it = createRig(SHIPPED, undefined, 2);
    guards(it, 2, 0);
    it.guard(600, UNKNOWN, "t1", { kind: "guard_clear", clear_reason: "exit" });
    it.act({ kind: "ack", incidentId: `${UNKNOWN}:t1` });
    it.act({ kind: "clear", incidentId: `${UNKNOWN}:t1`, occ: 1, comment: "gone" });
    expect(it.log().filter((line) => line.startsWith("evicted"))).toEqual([]);
    guards(it, 1, 1000);
    expect(it.log().filter((line) => line.startsWith("evicted"))).toHaveLength(1);
    expect(it.incidents.ids()).toHaveLength(2);
  });
});
