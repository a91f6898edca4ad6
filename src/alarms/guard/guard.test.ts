import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { Guard, type GuardEvent, type GuardTrack } from "./guard.ts";
import { type GuardRule, readGuardRules } from "./rules.ts";

type Raw = Readonly<Record<string, unknown>>;

const SHIPPED = parseYaml(readFileSync(new URL("../../../config/guard_rules.yaml", import.meta.url), "utf8")) as { rules: Raw[] };

function rulesOf(rules: readonly Raw[], cooldownS?: number): readonly GuardRule[] {
  const read = readGuardRules({ schema_version: 1, rules }, cooldownS);
  if (read.kind === "refused") expect.fail(read.problems.join("; "));
  return read.rules;
}

/** Within 70 m, unless told otherwise; cooldown by default of the service. */
function rule(more: Raw = {}): Raw {
  return { id: "CLOSE", description: "close", severity: "critical", fsm_event: "CLOSE", max_range_m: 70, ...more };
}

function track(rangeM: number, more: Partial<GuardTrack> = {}): GuardTrack {
  return {
    handle: "1:0",
    trackId: "8b6aa8fc-e2d3-58f7-b2e5-34c16d12d93c",
    rangeM,
    rangeRateMps: 0,
    quality: 0.5,
    iff: 3,
    transponderOn: false,
    transponderMode: 0,
    ...more,
  };
}

const us = (seconds: number): number => Math.round(seconds * 1e6);
const sign = ({ kind, timeUs }: GuardEvent): string => `${kind === "alert" ? "+" : "-"}${timeUs / 1e6}`;

/** Events of `time:range` steps of one track; a bare time is 60 m. */
function runRule(given: Raw, steps: string, cooldownS?: number): { readonly events: string; readonly guard: Guard } {
  const guard = new Guard(rulesOf([rule(given)], cooldownS));
  const events = steps.split(" ").flatMap((step) => {
    const [time, range = "60"] = step.split(":");
    return guard.evaluate(us(Number(time)), [track(Number(range))]).map(sign);
  });
  return { events: events.join(" "), guard };
}

describe("guard", () => {
  test.each([
    ["GRD-001", { hysteresis_m: 5, cooldown_s: 10 }, "0:60 1:60 2:74 3:76 4:60 11:60", "+0 -3 +11"],
    ["GRD-002", { hysteresis_m: 5, cooldown_s: 0 }, "0:70.0001 1:70 2:75 3:75.0001 4:75 5:70", "+1 -3 +5"],
    ["GRD-003", { cooldown_s: 10 }, "0:60 1:80 2:60 9.9:60 10:60", "+0 -1 +10"],
    ["GRD-004", { cooldown_s: 0.8 }, "1.1:60 1.2:80 1.3:60 1.8:60 1.9:60", "+1.1 -1.2 +1.9"],
    ["GRD-005", { min_duration_s: 3 }, "0 1 10 11 14", "+14"],
    ["GRD-007", { min_duration_s: 3 }, "0 4 6 7", "+7"],
    ["GRD-008", { min_duration_s: 3 }, "0:60 1:60 2:90 3:60 5:60 6:60", "+6"],
    ["GRD-009", {}, "0:60 1:80 1.5:60 1.9:60 2:60", "+0 -1 +2"],
    ["GRD-016", { hysteresis_m: 5, cooldown_s: 5 }, "0:69 1:76 2:70 3:76 4:70 5:70 6:76 7:72 8:72 10:70", "+0 -1 +5 -6 +10"],
    ["GRD-018", { min_range_m: 20, hysteresis_m: 5, cooldown_s: 0 }, "0:19.9 1:20 2:15 3:14.99 4:15 5:20", "+1 -3 +5"],
  ])("%s guard - %o over %s", (_id, given, steps, expected) => {
    expect(runRule(given, steps).events).toBe(expected);
  });

  test("GRD-010 cooldown - the service's default, unless the rule says 0", () => {
    expect(runRule({}, "0:60 2:80 4:60 6:60", 5).events).toBe("+0 -2 +6");
    expect(runRule({ cooldown_s: 0 }, "0:60 1:80 2:60", 5).events).toBe("+0 -1 +2");
  });

  test("GRD-011 clear_after - an alarm ends after two seconds outside, and its key with it", () => {
    const { events, guard } = runRule({ clear_after_s: 2, hysteresis_m: 5 }, "0:60 1:80 2:60 3:80 4.9:80 5:80");
    expect(events).toBe("+0 -5");
    expect(guard.size).toBe(0);
  });

  test("GRD-012 quality - gates the start of an alarm, not its end", () => {
    const guard = new Guard(rulesOf([rule({ min_quality: 0.2 })]));
    const events = [0.1999, 0.2, 0, 0.1].flatMap((quality, t) => guard.evaluate(us(t), [track(60, { quality })]).map(sign));
    expect(events).toEqual(["+1"]);
    expect(guard.active()).toEqual({ CLOSE: 1 });
  });

  test("GRD-013 lost - the track's end is the alarm's, and frees its key", () => {
    const guard = new Guard(rulesOf([rule()]));
    const events = [0, 1, 2, 3].flatMap((t) => guard.evaluate(us(t), [track(60, { quality: t === 0 ? 0.5 : 0.1 })]));
    const [clear] = guard.lost(us(4), ["1:0"], "track_lost");
    expect(events.map(sign)).toEqual(["+0"]);
    expect(clear).toMatchObject({ kind: "clear", reason: "track_lost", activeUs: us(4), lastRangeM: 60, occurrence: 1 });
    expect(guard.size).toBe(0);
    expect(guard.lost(us(5), ["1:0"], "track_lost")).toEqual([]);
  });

  test("GRD-015 silence - no word of a track for more than ten seconds is its end", () => {
    const guard = new Guard(rulesOf([rule()]));
    expect(guard.evaluate(0, [track(60)]).map(sign)).toEqual(["+0"]);
    expect([5, 10, 10.000001].flatMap((t) => guard.evaluate(us(t), []).map(sign))).toEqual(["-10.000001"]);
    expect(guard.size).toBe(0);
  });

  test("GRD-019 keys - each track has its own cooldown", () => {
    const guard = new Guard(rulesOf([rule({ cooldown_s: 10 })]));
    const a = (rangeM: number): GuardTrack => track(rangeM, { handle: "a" });
    const b = track(60, { handle: "b" });
    const steps: [number, GuardTrack[]][] = [
      [0, [a(60)]],
      [1, [a(80), b]],
      [2, [a(60), b]],
      [10, [a(60), b]],
    ];
    const events = steps.flatMap(([t, tracks]) => guard.evaluate(us(t), tracks).map((event) => `${event.handle} ${sign(event)}`));
    expect(events).toEqual(["a +0", "a -1", "b +1", "a +10"]);
  });

  test("GRD-020 memory - two rules, 500 tracks inside, then all lost: 1,000 alerts, 1,000 clears, no key", () => {
    const guard = new Guard(rulesOf([rule(), rule({ id: "ALSO" })]));
    const tracks = Array.from({ length: 500 }, (_, n) => track(60, { handle: `1:${n}` }));
    const alerts = guard.evaluate(0, tracks);
    expect([alerts.length, guard.size]).toEqual([1000, 1000]);
    // Rules in file order, tracks in the order of their births.
    expect(alerts.slice(0, 2).map(({ rule: { id }, handle }) => [id, handle])).toEqual([
      ["CLOSE", "1:0"],
      ["CLOSE", "1:1"],
    ]);
    const lost = guard.lost(
      us(1),
      tracks.map(({ handle }) => handle),
      "track_lost",
    );
    expect([lost.length, guard.size]).toEqual([1000, 0]);
  });

  test("GRD-020 memory - 100,000 tracks come and go, and nothing of them stays", () => {
    const guard = new Guard(rulesOf([rule({ cooldown_s: 0 })]));
    let most = 0;
    for (let n = 0; n < 100_000; n += 1) {
      guard.evaluate(us(n), [track(60, { handle: `${n}:0` })]);
      most = Math.max(most, guard.size);
      guard.lost(us(n), [`${n}:0`], "track_lost");
    }
    expect([most, guard.size, guard.state().tracks.length]).toEqual([1, 0, 0]);
  });

  test("GRD-021 not a number - the track is left out and counted; its alarm stays; so for a time that goes back", () => {
    const guard = new Guard(rulesOf([rule()]));
    guard.evaluate(us(1), [track(60)]);
    expect(guard.evaluate(us(2), [track(Number.NaN)])).toEqual([]);
    expect(guard.evaluate(us(0.5), [track(200)])).toEqual([]);
    expect([guard.skipped, guard.active()]).toEqual([2, { CLOSE: 1 }]);
  });

  test.each([
    ["duplicate id", [rule(), rule()], 'rules[1].id: got "CLOSE", expected an id that no other rule has'],
    ["unknown key", [rule({ colour: "red" })], "rules[0].colour: unknown key"],
    ["max <= min", [rule({ min_range_m: 70 })], "rules[0].max_range_m: got 70, expected more than min_range_m, 70 m"],
    ["cooldown -1", [rule({ cooldown_s: -1 })], "rules[0].cooldown_s: got -1, expected 0..1000000 s"],
    ["cooldown .nan", [rule({ cooldown_s: Number.NaN })], "rules[0].cooldown_s: got NaN, expected 0..1000000 s"],
    ["quality 1.1", [rule({ min_quality: 1.1 })], "rules[0].min_quality: got 1.1, expected 0..1"],
    ["iff", [rule({ iff: "ENEMY" })], 'rules[0].iff: got "ENEMY", expected one of FRIEND, FOE, UNKNOWN, or 1 to 3'],
    ["mode", [rule({ allowed_transponder_modes: [4] })], "rules[0].allowed_transponder_modes[0]: got 4"],
  ])("GRD-022 file - %s is refused with its path", (_what, rules, problem) => {
    const read = readGuardRules({ schema_version: 1, rules });
    expect(read.kind === "refused" ? read.problems[0] : "").toContain(problem);
  });

  test("GRD-022 reload - keys of a removed rule are cleared, those of the others go on", () => {
    const guard = new Guard(rulesOf([rule(), rule({ id: "ALSO" })]));
    guard.evaluate(us(1), [track(60)]);
    const events = guard.setRules(rulesOf([rule({ id: "ALSO", max_range_m: 50 })]));
    expect(events.map((event) => [event.rule.id, event.kind === "clear" && event.reason])).toEqual([["CLOSE", "rule_removed"]]);
    expect(guard.evaluate(us(2), [track(60)]).map((event) => [event.rule.id, sign(event)])).toEqual([["ALSO", "-2"]]);
  });

  test("GRD-024 foe - latched and silent: alert at 149.9 m, clear past 155 m", () => {
    const guard = new Guard(rulesOf(SHIPPED.rules));
    const events = [149.9, 150, 155, 155.1].flatMap((rangeM, t) =>
      guard.evaluate(us(t), [track(rangeM, { iff: 2 })]).map((event) => `${event.rule.id} ${sign(event)}`),
    );
    expect(events).toEqual(["FOE_TRANSPONDER_OFF_APPROACH +0", "FOE_TRANSPONDER_OFF_APPROACH -3"]);
  });

  test("RAD-116 friend - at 60 m with its transponder on it leaves UNKNOWN_CONTACT_CLOSE silent", () => {
    const guard = new Guard(rulesOf(SHIPPED.rules));
    expect(guard.evaluate(0, [track(60, { iff: 1, transponderOn: true, transponderMode: 1 })])).toEqual([]);
  });

  test("GRD-016 state - restored after each step the events are the same", () => {
    const rules = rulesOf([rule({ hysteresis_m: 5, cooldown_s: 5, min_duration_s: 1, clear_after_s: 1 })]);
    const whole = new Guard(rules);
    let split = new Guard(rules);
    let events = 0;
    for (let step = 0; step < 400; step += 1) {
      const tracks = [
        track(65 + ((Math.floor(step / 4) * 7919) % 17), { handle: "a" }),
        track(60 + ((Math.floor(step / 3) * 104_729) % 31), { handle: "b" }),
      ];
      const expected = whole.evaluate(us(step * 0.7), tracks);
      expect(split.evaluate(us(step * 0.7), tracks)).toEqual(expected);
      events += expected.length;
      const bytes = JSON.stringify(split.state());
      split = new Guard(rules);
      split.restore(JSON.parse(bytes));
    }
    expect(events).toBeGreaterThan(20);
  });
});
