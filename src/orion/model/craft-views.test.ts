import { expect, test } from "vitest";
import { createHistory, type RecordedHistory } from "./history.ts";
import { rangeAndBearing, rateLines } from "./motion.ts";
import { thrusterViews } from "./propulsion.ts";
import { createSampler } from "./sampling.ts";
import { sensorViews } from "./sensors.ts";
import { readOf } from "./test-telemetry.ts";

const IMU = { enabled: true, status: "ok", reason: "ok", roll_rate_rps: 0.01, pitch_rate_rps: 0.02, yaw_rate_rps: -0.03 };

test("motion - the IMU stands beside the craft's own rates; yaw counts as headings grow", () => {
  const lines = rateLines(readOf({ motion: { body_rates_rps: [0.01, 0.02, 0.03] }, sensor_plane: { imu: IMU } }));
  expect(lines.map((line) => [line.axis, line.truthRps, line.isDifferent])).toEqual([
    ["roll", 0.01, false],
    ["pitch", 0.02, false],
    ["yaw", -0.03, false],
  ]);
  const stuck = rateLines(readOf({ motion: { body_rates_rps: [0.5, 0.02, 0.03] }, sensor_plane: { imu: IMU } }));
  expect(stuck[0]).toMatchObject({ truthRps: 0.5, imuRps: 0.01, isDifferent: true });
  const off = rateLines(readOf({ motion: { body_rates_rps: [0, 0, 0] }, sensor_plane: { imu: { ...IMU, roll_rate_rps: null } } }));
  expect(off[0]).toMatchObject({ truthRps: 0, imuRps: undefined, differenceRps: undefined, isDifferent: false });
  expect(rateLines(readOf({}))[2]).toMatchObject({ truthRps: undefined, imuRps: undefined });
});

test("motion - range and bearing of the position: east is 90°, behind is 180°", () => {
  const at = (x: number, y: number, z: number): unknown => rangeAndBearing(readOf({ position: { x, y, z } }));
  expect(at(3, 0, 4)).toEqual({ rangeM: 5, bearingDeg: 90 });
  expect(at(0, -2, 0)).toEqual({ rangeM: 2, bearingDeg: 180 });
  expect(at(-1, 0, 0)).toEqual({ rangeM: 1, bearingDeg: 270 });
  expect(rangeAndBearing(readOf({}))).toBeUndefined();
});

const FACTS = {
  thrusters: [
    {
      index: 1,
      cluster_id: "A",
      position_m: [1, 0, 0] as [number, number, number],
      direction: [-1, 0, 0] as [number, number, number],
      f_max_newton: 260,
    },
    {
      index: 0,
      cluster_id: "A",
      position_m: [1, 1, 0] as [number, number, number],
      direction: [-1, 0, 0] as [number, number, number],
      f_max_newton: 260,
    },
  ],
  groups: { aft: [0, 1], up: [1] },
};
const BURN = {
  index: 1,
  cluster_id: "A",
  duty_pct: 35,
  valve_open: true,
  f_max_newton: 260,
  status: "throttled",
  reason: "pdu_overcurrent",
};

test("propulsion - all thrusters of the profile, those of the burn with duty and what throttles them", () => {
  const views = thrusterViews(readOf({ propulsion: { rcs: { thrusters: [BURN] } } }), FACTS)!;
  expect(views.map((view) => [view.index, view.axes, view.burn])).toEqual([
    [0, ["aft"], undefined],
    [1, ["aft", "up"], { dutyPct: 35, isOpen: true, throttledBy: "pdu_overcurrent" }],
  ]);
  expect(views[0]!.place).toEqual({ positionM: [1, 1, 0], direction: [-1, 0, 0] });
});

test("propulsion - without the profile only what burns is known, and no place is made up", () => {
  const views = thrusterViews(readOf({ propulsion: { rcs: { thrusters: [BURN] } } }), undefined)!;
  expect(views).toMatchObject([{ index: 1, axes: [], place: undefined, burn: { dutyPct: 35 } }]);
  expect(thrusterViews(readOf({}), FACTS)).toBeUndefined();
});

test("sensors - status and reason as they say, nothing of those that say nothing, and how long readings stand still", () => {
  const history = createHistory();
  const payload = {
    dt_s: 1,
    run: { id: "r" },
    radiation_usvh: 0,
    motion: { body_rates_rps: [0.01, 0.02, 0.03] },
    sensor_plane: {
      enabled: true,
      imu: IMU,
      radiation: { enabled: true, status: "ok", reason: "within limits", background_usvh: 0, dose_total_usv: 0 },
      star_tracker: { enabled: false, status: "na", reason: "disabled", locked: null, attitude_err_deg: null },
      magnetometer: { enabled: false, field_ut: null },
    },
  };
  const follow = follower(history);
  for (const tick of [1, 2, 3, 4]) {
    const imu = { ...IMU, roll_rate_rps: tick > 2 ? 0.01 : 0 };
    follow({ ...payload, tick, sensor_plane: { ...payload.sensor_plane, imu } });
  }
  const views = sensorViews(readOf({ ...payload, tick: 4 }), history)!;
  expect(views[0]).toMatchObject({ id: "imu", status: "ok", unchanged: { forS: 1, atLeast: false }, isContradicted: false });
  expect(views[1]).toMatchObject({ id: "radiation", reason: "within limits", unchanged: { forS: 3, atLeast: true } });
  expect(views[2]).toMatchObject({ id: "star_tracker", isEnabled: false, status: "na", reason: "disabled", unchanged: undefined });
  expect(views[3]).toMatchObject({ id: "magnetometer", isEnabled: false, status: undefined, reason: undefined });
  const stuck = { ...payload, radiation_usvh: 5, motion: { body_rates_rps: [1, 0, 0] } };
  expect(
    sensorViews(readOf(stuck), history)!
      .map((view) => view.isContradicted)
      .slice(0, 3),
  ).toEqual([true, true, false]);
  expect(sensorViews(readOf({}), history)).toBeUndefined();
});

type Payload = Readonly<Record<string, unknown>>;

/** Follows payloads into a history, as the model does with telemetry. */
function follower(history: RecordedHistory): (payload: Payload) => void {
  let current: Payload = {};
  const sample = createSampler(history, (path) => readOf(current)(path));
  return (payload) => {
    current = payload;
    sample(1);
  };
}

test("history - follows telemetry: one sample a tick, lists and vectors by member, cleared by another run or a reset", () => {
  const history = createHistory();
  const follow = follower(history);
  const take = (more: Payload): void => follow({ dt_s: 0.1, run: { id: "r1" }, sim_state: { speed: 1 }, ...more });
  const thermal = { nodes: [{ id: "core", temp_c: 20 }] };
  take({ tick: 10, thermal, motion: { position_m: [1, 2, 3] } });
  take({ tick: 10, thermal: { nodes: [{ id: "core", temp_c: 99 }] } });
  take({ tick: 20, thermal });
  expect(history.series("thermal.nodes[id=core].temp_c")).toEqual({ timesS: [1, 2], values: [20, 20] });
  expect(history.series("motion.position_m[1]").values).toEqual([2, null]);
  // Five seconds without telemetry break the line at speed 1, not at speed 50.
  take({ tick: 70, thermal });
  take({ tick: 120, thermal, sim_state: { speed: 50 } });
  expect(history.series("thermal.nodes[id=core].temp_c").values).toEqual([20, 20, null, 20, 20]);
  take({ tick: 0, run: { id: "r1" }, thermal });
  expect(history.series("thermal.nodes[id=core].temp_c").timesS).toEqual([0]);
  take({ tick: 500, run: { id: "r2" }, thermal });
  expect(history.series("thermal.nodes[id=core].temp_c").timesS).toEqual([50]);
});
