import { expect, test } from "vitest";
import { BIRTH_S1, configured, oracle, SHIPPED_S1, scoreS1, truthOf } from "../bench/williams.ts";

test("RAD-141 S1 - RMS GOSPA at most 3.8 m over 20 runs, and the oracle's is lower in the same", () => {
  const ours = scoreS1(configured(SHIPPED_S1), 9, 20);
  const best = scoreS1(oracle(truthOf(9)), 9, 20);
  expect(ours.rms).toBeLessThanOrEqual(3.8);
  expect(best.rms).toBeLessThan(ours.rms);
  const whole = ours.localisation * ours.localisation + ours.missed * ours.missed + ours.false * ours.false;
  expect(Math.abs(whole - ours.rms * ours.rms)).toBeLessThan(1e-9);
});

test("RAD-141 S1 - a model of where contacts begin brings it under 3 m", () => {
  expect(scoreS1(configured(BIRTH_S1), 9, 20).rms).toBeLessThan(3);
});
