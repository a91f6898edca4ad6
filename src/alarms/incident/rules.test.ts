import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { DEFAULT_PERIODS_MS } from "./event-sources.ts";
import { lintIncidentRules, loadIncidentRules } from "./lint-rules.ts";
import { parseIncidentRules } from "./parse-rules.ts";
import { rulesOf } from "./test-rig.ts";

const CONTEXT = {
  periodsMs: DEFAULT_PERIODS_MS,
  maxBusA: 5,
  guardRuleIds: ["UNKNOWN_CONTACT_CLOSE", "FOE_TRANSPONDER_OFF_APPROACH", "SPOOFING_DETECTED"],
};
const shippedRaw: unknown = parse(readFileSync("config/incident_rules.yaml", "utf8"));
const CORE = { type: "sensor", source: "thermal", subject: "core", field: "temp" };
const BUS = { type: "power", source: "bus", subject: "main", field: "current" };
const TEXT = { action: { en: "act", ru: "делайте" } };

const file = (...rules: Record<string, unknown>[]): unknown => ({
  version: 1,
  rules: rules.map((rule, index) => ({
    id: `R${index}`,
    match: CORE,
    threshold: { op: ">", value: 70 },
    deadband: 1,
    severity: "W",
    text: TEXT,
    ...rule,
  })),
});
const codes = (...rules: Record<string, unknown>[]): string[] =>
  lintIncidentRules(rulesOf(file(...rules)), CONTEXT).map((finding) => finding.code);

describe("incident rules file", () => {
  test("rules - the shipped file is the table of operations §6.5, without one finding", () => {
    const loaded = loadIncidentRules(shippedRaw, CONTEXT);
    if (!loaded.ok) expect.fail(JSON.stringify(loaded.findings));
    expect(loaded.warnings).toEqual([]);
    expect(
      loaded.rules.map((rule) => {
        const { type, source, subject, field } = rule.match;
        const limit = `${rule.threshold?.op} ${rule.threshold?.value}${rule.threshold?.valueField === undefined ? "" : ` ${rule.threshold.valueField}`}`;
        const clear = rule.clearOn === undefined ? "-" : `${rule.clearOn.field} ${rule.clearOn.op} ${rule.clearOn.value}`;
        const latch = rule.autoClear ? "no" : "yes";
        return `${rule.id}; ${type}/${source}/${subject}.${field}|${limit}|${clear}|${rule.onDelayS}/${rule.offDelayS}|${rule.deadband}|${rule.cooldownS}|${rule.severity} ${latch}`;
      }),
    ).toEqual([
      "TEMP_CORE_SPIKE; sensor/thermal/core.temp|> 70|-|3/3|1|30|C no",
      "TEMP_CORE_TRIP; sensor/thermal/core.tripped|= 1|kind = thermal_clear|0/0|0|60|A yes",
      "RADAR_SIGNAL_LOSS; radar/sensor/ppi.value|= 0|-|2/2|0|10|W no",
      "UNKNOWN_CONTACT_CLOSE; radar/guard/unknown_contact_close.range_m|<= 70|clear_reason = exit|0/0|0|60|C yes",
      "FOE_TRANSPONDER_OFF_APPROACH; radar/guard/foe_transponder_off_approach.range_m|<= 150|clear_reason = exit|0/0|0|60|A yes",
      "SPOOFING_DETECTED; radar/guard/spoofing_detected.transponder_mode|= 3|clear_reason = exit|0/0|0|60|W yes",
      "POWER_BUS_NEAR_LIMIT; power/bus/main.current|> 4|-|2/2|0.2|30|W no",
      "POWER_BUS_OVERLOAD; power/bus/main.demand_a|> 5 max_bus_a|-|2/2|0.2|60|A yes",
      "POWER_PDU_OVERCURRENT; power/pdu/main.overcurrent|= 1|-|1/2|0|60|A yes",
      "RECORD_STORAGE_HIGH; record/recorder/storage.used_pct|>= 90|-|10/10|5|60|W no",
    ]);
    for (const rule of loaded.rules) {
      expect(rule.enabled && rule.requireAck, rule.id).toBe(true);
      for (const text of [rule.text.title, rule.text.consequence, rule.text.action]) {
        expect(text?.en.length, rule.id).toBeGreaterThan(4);
        expect(text?.ru, rule.id).toMatch(/[а-я]/i);
      }
    }
    expect(Object.fromEntries(loaded.rules.filter((rule) => rule.suppresses.length > 0).map((rule) => [rule.id, rule.suppresses]))).toEqual(
      {
        TEMP_CORE_TRIP: ["TEMP_CORE_SPIKE"],
        POWER_BUS_OVERLOAD: ["POWER_BUS_NEAR_LIMIT"],
        POWER_PDU_OVERCURRENT: ["POWER_BUS_OVERLOAD", "POWER_BUS_NEAR_LIMIT"],
      },
    );
  });

  test("rules - defaults, null as absent, and the existing system's names", () => {
    const [rule] = rulesOf({
      version: 1,
      rules: [
        {
          id: "OLD",
          match: { type: " Sensor ", subject: null },
          threshold: { op: "=", value: 0, min_duration_s: 2, cooldown_s: 10 },
          severity: "W",
        },
      ],
    });
    expect(rule).toEqual({
      id: "OLD",
      enabled: true,
      match: { type: "sensor", field: "value" },
      threshold: { op: "=", value: 0 },
      levels: [],
      severity: "W",
      requireAck: false,
      autoClear: true,
      deadband: 0,
      onDelayS: 2,
      offDelayS: 0,
      cooldownS: 10,
      suppresses: [],
      scope: "same_subject",
      shelveMaxS: 28_800,
      text: {},
    });
  });

  test("INC-031 rules - all that is wrong is named with path, value and what was expected", () => {
    const parsed = parseIncidentRules({
      version: 2,
      extra: 1,
      rules: [
        { id: "A", match: CORE, threshold: { op: "~", value: "70", colour: 1 }, severity: "X", treshold: 1 },
        { id: "B", match: CORE, threshold: { op: ">", value: 70, min_duration_s: 2 }, on_delay_s: 3, severity: "W", deadband: -1 },
        { id: "C C", match: CORE },
        { id: "D", match: CORE, severity: "W", clear_on: { field: "kind", op: ">", value: "x" }, text: { title: { en: "only" } } },
        7,
      ],
    });
    if (parsed.ok) expect.fail("it should be refused");
    expect(parsed.findings.map((finding) => `${finding.path} ${finding.code}`).sort()).toEqual(
      [
        "extra shape",
        "rules[0].severity E7",
        "rules[0].threshold.colour shape",
        "rules[0].threshold.op E7",
        "rules[0].threshold.value shape",
        "rules[0].treshold shape",
        "rules[1].deadband shape",
        "rules[1].on_delay_s shape",
        "rules[2].id shape",
        "rules[3].clear_on.op E7",
        "rules[3].text.title.ru shape",
        "rules[4].id shape",
        "version shape",
      ].sort(),
    );
  });

  test("INC-032 lint - the four of the acceptance case", () => {
    expect(codes({ threshold: { op: ">", value: 160 } })).toEqual(["E3"]);
    expect(codes({ match: BUS, threshold: { op: ">", value: 5 } })).toEqual(["W6"]);
    expect(codes({ match: { ...CORE, source: "thermol" } })).toEqual(["E1"]);
    expect(codes({ on_delay_s: 3, gap_tolerance_s: 0.5 })).toEqual(["E4"]);
  });

  test("lint - every other error", () => {
    expect(codes({ match: { ...CORE, field: "tempp" } })).toEqual(["E2"]);
    expect(codes({ match: BUS, threshold: { op: ">", value: 4, value_field: "max_a" } })).toEqual(["E2"]);
    expect(codes({ clear_on: { field: "temp", op: "<", value: 75 } })).toEqual(["E5"]);
    expect(codes({ clear_on: { field: "temp", op: "<=", value: 70 } })).toEqual([]);
    expect(codes({ suppresses: ["R1"] }, { suppresses: ["R2"] }, { suppresses: ["R0"] })).toEqual(["E6"]);
    expect(codes({ suppresses: ["NOPE"] })).toEqual(["shape"]);
    expect(codes({ id: "R" }, { id: "R" })).toEqual(["E7"]);
    expect(codes({ levels: [{ value: 70, severity: "C" }] })).toEqual(["E7"]);
    expect(codes({ levels: [{ value: 80, severity: "I" }] })).toEqual(["E7"]);
    expect(codes({ threshold: { op: "=", value: 70 }, levels: [{ value: 80, severity: "C" }] })).toEqual(["E7"]);
    expect(codes({ deadband: 280 })).toEqual(["E8"]);
    expect(codes({ threshold: { op: "<", value: -120 } })).toEqual(["E3"]);
    expect(codes({ threshold: { op: ">=", value: 160 } })).toEqual([]);
  });

  test("lint - every other warning", () => {
    expect(codes({ on_delay_s: 0.5 })).toEqual(["W1"]);
    expect(codes({ on_delay_s: 1.5 })).toEqual(["W2"]);
    expect(codes({ deadband: 0 })).toEqual(["W3"]);
    expect(codes({ text: {} })).toEqual(["W4"]);
    expect(
      codes({
        match: { type: "radar", source: "guard", subject: "NOPE", field: "range_m" },
        threshold: { op: "<", value: 70 },
        clear_on: { field: "clear_reason", value: "exit" },
      }),
    ).toEqual(["W5"]);
    expect(codes({ match: BUS, threshold: { op: ">", value: 4.99 } })).toEqual([]);
  });

  test("lint - a refusal keeps the whole file out", () => {
    expect(loadIncidentRules(file({}, { threshold: { op: ">", value: 161 } }), CONTEXT)).toMatchObject({
      ok: false,
      findings: [{ code: "E3", path: "rules[1].threshold" }],
    });
  });
});
