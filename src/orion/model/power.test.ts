import { expect, test } from "vitest";
import { powerFlow, residualW, runtimeS } from "./power.ts";
import { reasonsInForce } from "./reasons.ts";
import { ratesOf, readOf, SHED } from "./test-telemetry.ts";

const flowOf = (payload: Readonly<Record<string, unknown>>) => {
  const read = readOf(payload);
  return powerFlow(read, reasonsInForce(read, ratesOf({})));
};
const lineOf = (payload: Readonly<Record<string, unknown>>, load: string) => flowOf(payload)!.loads.find((line) => line.load === load)!;

test("power flow - a shed load names what it asks, what it gets and why", () => {
  const flow = flowOf(SHED)!;
  expect(flow.loads.map((line) => line.load)).toEqual(["base", "mcqpu", "motion", "rcs", "transponder", "radar", "nbl"]);
  expect(lineOf(SHED, "nbl")).toMatchObject({ askedW: 20, grantedW: 0, state: "SHED", bareReasons: [] });
  expect(lineOf(SHED, "nbl").reasons.map(({ record }) => record.id)).toEqual(["shed:nbl:pdu_overcurrent"]);
  expect(lineOf(SHED, "rcs")).toMatchObject({ state: "OFF", reasons: [] });
  expect(flow.bus).toEqual({ usedW: 125.164, askedW: 145.164, limitW: 134, currentA: 4.67, limitA: 5 });
  expect(flow.storage[0]).toEqual({ id: "supercap", socPct: 55.483, inW: 0, outW: 95.164 });
});

test("power flow - the balance of the published figures closes", () => {
  expect(Math.abs(residualW(flowOf(SHED)!))).toBeLessThan(1e-9);
  const power = { ...SHED.power, battery_unserved_w: 3, battery_spill_w: 1 };
  expect(residualW(flowOf({ ...SHED, power })!)).toBeCloseTo(2, 9);
});

test("power flow - a throttled load, a reason without an explanation, a gate that is not told twice", () => {
  const throttled = { ...SHED, power: { ...SHED.power, throttled_loads: ["motion"] } };
  expect(lineOf(throttled, "motion")).toMatchObject({ state: "THROTTLED", reasons: [], bareReasons: [] });
  expect(lineOf({ ...SHED, explain: [] }, "nbl")).toMatchObject({ reasons: [], bareReasons: ["pdu_overcurrent"] });
  const gate = { ...SHED.explain[1], id: "gate:nbl:pdu_overcurrent", kind: "gate" };
  expect(lineOf({ ...SHED, explain: [gate, SHED.explain[1]] }, "nbl").reasons).toHaveLength(1);
  const off = { ...SHED, power_detail: { ...SHED.power_detail, sheds: [], demand_w: { ...SHED.power_detail.demand_w, nbl: 0 } } };
  expect(lineOf({ ...off, explain: [gate] }, "nbl")).toMatchObject({ state: "OFF", reasons: [{ record: { kind: "gate" } }] });
});

test("power flow - a bus without a limit has none, not zero", () => {
  expect(flowOf({ ...SHED, power: { ...SHED.power, max_bus_a: 0, pdu_limit_w: 0 } })!.bus).toMatchObject({
    limitW: undefined,
    limitA: undefined,
  });
});

test("power flow - the supply's own reasons: latch, brownout, faults of no node", () => {
  const explain = [
    { ...SHED.explain[0], id: "latch:power:low_soc", kind: "latch", node: undefined },
    { ...SHED.explain[0], id: "fault:core:THERMAL_TRIP:core", kind: "fault" },
    { ...SHED.explain[0], id: "fault:power:BATTERY_EMPTY", kind: "fault", node: undefined },
    SHED.explain[1],
  ];
  expect(flowOf({ ...SHED, explain })!.supplyReasons.map(({ record }) => record.id)).toEqual([
    "latch:power:low_soc",
    "fault:power:BATTERY_EMPTY",
  ]);
});

test("power flow - nothing before telemetry; runtime only while the battery discharges", () => {
  expect(flowOf({})).toBeUndefined();
  expect(runtimeS(readOf(SHED))).toBeUndefined();
  expect(runtimeS(readOf({ power: { ...SHED.power, battery_discharge_w: 100 } }))).toBe(4 * 3600);
  expect(runtimeS(readOf({}))).toBeUndefined();
});
