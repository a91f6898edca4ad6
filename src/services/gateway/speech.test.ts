import { expect, test } from "vitest";
import { speechCheck } from "./speech.ts";

const check = (ageMs: number | undefined, speed: number, fsm = "RUNNING", periodS = 1) =>
  speechCheck(
    {
      sourceAges: () => (ageMs === undefined ? ({} as Record<string, number>) : { telemetry: ageMs }),
      run: () => ({ telemetry_period_s: periodS }),
    },
    { get: () => ({ value: { fsm_state: fsm, speed } }) as never },
  );

test("readiness - a simulation that has gone silent is told apart from one that speaks seldom", () => {
  expect(check(undefined, 1)).toMatchObject({ ok: false, reason: "no telemetry has come yet: is the simulation running?" });
  expect(check(5000, 1)).toEqual({ name: "telemetry", ok: true });
  expect(check(5001, 1)).toMatchObject({ ok: false, reason: "no telemetry for 5 s, at most 5 s are usual: is the simulation running?" });
  // A tenth of the speed: a message each ten seconds.
  expect(check(25_000, 0.1).ok).toBe(true);
  expect(check(25_001, 0.1).ok).toBe(false);
  // While it stands still the heartbeat comes each second, whatever the speed was.
  expect(check(5001, 0.1, "PAUSED").ok).toBe(false);
});
