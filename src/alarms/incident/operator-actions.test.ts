import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { createRig, EPOCH_MS, type Rig, rulesOf } from "./test-rig.ts";

const SHIPPED = rulesOf(parse(readFileSync("config/incident_rules.yaml", "utf8")));
const SPIKE = "TEMP_CORE_SPIKE:core";
const TRIP = "TEMP_CORE_TRIP:core";

function hotCore(): Rig {
  const rig = createRig(SHIPPED);
  for (let at = 0; at <= 3; at += 1) rig.core(at, 71);
  return rig;
}

describe("operator actions", () => {
  test("INC-010 clear - refused while the condition is true, with shelving offered", () => {
    const rig = hotCore();
    expect(rig.act({ kind: "clear", incidentId: SPIKE, occ: 1, comment: "go away" })).toMatchObject({
      ok: false,
      code: "not_allowed_in_state",
      reason: "condition_active",
      hint: "shelve",
    });
    expect(rig.letter(SPIKE)).toBe("B");
    expect(rig.log()).toEqual(["open@3 A>B", "refused@3 B>B"]);
    expect(rig.records[1]).toMatchObject({ ok: false, cause: "condition_active", operator: "olga" });
  });

  test("INC-016 ack - another occurrence is refused with the current one", () => {
    const rig = hotCore();
    expect(rig.act({ kind: "ack", incidentId: SPIKE, occ: 2 })).toMatchObject({
      ok: false,
      code: "not_allowed_in_state",
      reason: "occ_mismatch",
      currentOcc: 1,
    });
    expect(rig.letter(SPIKE)).toBe("B");
  });

  test("ack - a second one is applied and writes nothing", () => {
    const rig = hotCore();
    expect(rig.act({ kind: "ack", incidentId: SPIKE, occ: 1, comment: "mine" })).toEqual({ ok: true, already: false });
    expect(rig.act({ kind: "ack", incidentId: SPIKE, occ: 1 })).toEqual({ ok: true, already: true });
    expect(rig.log()).toEqual(["open@3 A>B", "ack@3 B>C"]);
    expect(rig.incidents.view(SPIKE)?.ack).toMatchObject({ operator: "olga", comment: "mine", atMs: EPOCH_MS + 3000, occ: 1 });
  });

  test("INC-025 shelve - 60 s, still true: B, not acknowledged, at 60.000 s", () => {
    const rig = hotCore();
    rig.act({ kind: "ack", incidentId: SPIKE, occ: 1 });
    expect(rig.act({ kind: "shelve", incidentId: SPIKE, durationS: 60, reason: "known" })).toEqual({ ok: true, already: false });
    expect(rig.letter(SPIKE)).toBe("G");
    for (let at = 4; at <= 62; at += 1) rig.core(at, 71);
    expect(rig.letter(SPIKE)).toBe("G");
    rig.core(63, 71);
    expect(rig.log()).toEqual(["open@3 A>B", "ack@3 B>C", "shelve@3 C>G", "unshelve@63 G>B"]);
    expect(rig.incidents.view(SPIKE)).toMatchObject({ acked: false, ackHistory: [{ operator: "olga" }] });
    expect(rig.incidents.kpi().alarms10m).toBe(2);
  });

  test("shelve - evaluation goes on silently below it: over at the end means A", () => {
    const rig = hotCore();
    rig.act({ kind: "shelve", incidentId: SPIKE, durationS: 60, reason: "known" });
    for (let at = 4; at <= 63; at += 1) rig.core(at, 20);
    expect(rig.log()).toEqual(["open@3 A>B", "shelve@3 B>G", "rtn@7 G>G", "unshelve@63 G>A"]);
    expect(rig.incidents.kpi().alarms10m).toBe(1);
  });

  test("shelve - limits of the duration, a reason, and no second shelf", () => {
    const rig = hotCore();
    for (const durationS of [59.999, 28_800.001, Number.NaN]) {
      expect(rig.act({ kind: "shelve", incidentId: SPIKE, durationS, reason: "r" })).toMatchObject({
        code: "invalid_parameter",
        field: "duration_s",
        expected: "a number in 60..28800",
        unit: "s",
      });
    }
    expect(rig.act({ kind: "shelve", incidentId: SPIKE, durationS: 60, reason: "  " })).toMatchObject({ field: "reason" });
    expect(rig.act({ kind: "shelve", incidentId: SPIKE, durationS: 28_800, reason: "r" })).toMatchObject({ ok: true });
    expect(rig.act({ kind: "shelve", incidentId: SPIKE, durationS: 60, reason: "r" })).toMatchObject({
      reason: "shelved",
      hint: "unshelve",
    });
    expect(rig.act({ kind: "ack", incidentId: SPIKE, occ: 1 })).toMatchObject({ reason: "shelved" });
    expect(rig.act({ kind: "unshelve", incidentId: SPIKE })).toMatchObject({ ok: true });
    expect(rig.act({ kind: "unshelve", incidentId: SPIKE })).toMatchObject({ reason: "not_shelved" });
    expect(rig.letter(SPIKE)).toBe("B");
  });

  test("clear - nothing to clear in A, an acknowledgement first in D, released in E and F", () => {
    const rig = hotCore();
    for (let at = 4; at <= 7; at += 1) rig.core(at, 20);
    expect(rig.act({ kind: "clear", incidentId: SPIKE, occ: 1, comment: "c" })).toMatchObject({ reason: "needs_ack" });
    rig.act({ kind: "ack", incidentId: SPIKE, occ: 1 });
    expect(rig.act({ kind: "clear", incidentId: SPIKE, occ: 1, comment: "c" })).toMatchObject({ reason: "nothing_to_clear" });
    rig.trip(8, 1);
    rig.trip(9, 0);
    expect(rig.act({ kind: "clear", incidentId: TRIP, occ: 1, comment: "c" })).toMatchObject({ ok: true });
    expect(rig.letter(TRIP)).toBe("D");
    rig.act({ kind: "ack", incidentId: TRIP, occ: 1 });
    expect(rig.letter(TRIP)).toBe("A");
  });

  test("out of service - silent without a timer until it is returned", () => {
    const rig = hotCore();
    expect(rig.act({ kind: "return", incidentId: SPIKE, reason: "r" })).toMatchObject({ reason: "not_out_of_service" });
    rig.act({ kind: "out_of_service", incidentId: SPIKE, reason: "sensor swap" });
    for (let at = 4; at <= 100_004; at += 1000) rig.core(at, at % 3000 === 4 ? 71 : 20);
    expect(rig.letter(SPIKE)).toBe("I");
    expect(rig.act({ kind: "shelve", incidentId: SPIKE, durationS: 60, reason: "r" })).toMatchObject({ reason: "out_of_service" });
    expect(rig.act({ kind: "return", incidentId: SPIKE, reason: "swapped" })).toMatchObject({ ok: true });
    expect(rig.letter(SPIKE)).toBe("B");
  });

  test("incident id - an unknown one is an invalid parameter", () => {
    expect(hotCore().act({ kind: "ack", incidentId: "NOPE:x", occ: 1 })).toMatchObject({
      code: "invalid_parameter",
      field: "incident_id",
      reason: "unknown_incident",
    });
  });

  test("INC-031 reload - live incidents stay; without their rule they are marked, and may be cleared", () => {
    const rig = hotCore();
    rig.incidents.setRules({
      rules: SHIPPED.map((rule) => (rule.id === "TEMP_CORE_SPIKE" ? { ...rule, enabled: false } : rule)),
      hash: "other",
    });
    expect(rig.incidents.view(SPIKE)).toMatchObject({ letter: "B", isRuleDisabled: true });
    for (let at = 4; at < 60; at += 1) rig.core(at, 20);
    expect(rig.letter(SPIKE)).toBe("B");
    rig.incidents.setRules({ rules: SHIPPED, hash: "rules" });
    expect(rig.incidents.view(SPIKE)).toMatchObject({ letter: "B", isRuleDisabled: false });
    rig.incidents.setRules({ rules: [], hash: "none" });
    rig.log();
    expect(rig.act({ kind: "clear", incidentId: SPIKE, occ: 1, comment: "rule removed" })).toMatchObject({ ok: true });
    expect(rig.log()).toEqual(["rtn@59 B>D"]);
    expect(rig.records.at(-1)).toMatchObject({ rulesHash: "none" });
  });

  test("clear - a trip of a former boot, which no event can end any more, may be cleared", () => {
    const rig = createRig(SHIPPED);
    rig.trip(5, 1);
    rig.clock(0, "run-2");
    expect(rig.act({ kind: "clear", incidentId: TRIP, occ: 1, comment: "craft restarted cold" })).toMatchObject({ ok: true });
    expect(rig.letter(TRIP)).toBe("D");
  });
});
