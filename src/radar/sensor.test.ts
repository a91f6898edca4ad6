import { describe, expect, test } from "vitest";
import { randomStream } from "#base/random.ts";
import { normalBearingDeg, polarOfXyz, xyzOfPolar } from "./coordinates.ts";
import { decibel, detectionProbability, exp10, measuredSnrDb, measurementSigma, snrRatio } from "./detectability.ts";
import { look, type Target } from "./sensor.ts";
import { sensorSettingsOf } from "./test-rig.ts";

const DEG = 180 / Math.PI;
const settings = sensorSettingsOf();

describe("RAD-001 coordinates", () => {
  test("RAD-001 coordinates - polar (100, 30, 10) to xyz", () => {
    const [x, y, z] = xyzOfPolar({ rangeM: 100, bearingDeg: 30, elevDeg: 10 });
    expect(x).toBeCloseTo(49.24038765061, 12);
    expect(y).toBeCloseTo(85.286853195244, 12);
    expect(z).toBeCloseTo(17.364817766693, 12);
  });

  test("RAD-002 coordinates - a bearing is never 360, and never -0", () => {
    expect(Object.is(polarOfXyz(-1e-20, 1, 0).bearingDeg, 0)).toBe(true);
    expect(polarOfXyz(-1, 0, 0).bearingDeg).toBe(270);
    expect(polarOfXyz(0, 0, 5)).toEqual({ rangeM: 5, bearingDeg: 0, elevDeg: 90 });
    expect(polarOfXyz(0, 0, 0)).toEqual({ rangeM: 0, bearingDeg: 0, elevDeg: 0 });
    const stream = randomStream("RAD-002");
    for (let index = 0; index < 100_000; index += 1) {
      const { bearingDeg } = polarOfXyz(stream.gaussian() * exp10(-20 * stream.uniform()), stream.gaussian(), stream.gaussian());
      if (!(bearingDeg >= 0 && bearingDeg < 360)) expect.fail(`bearing ${bearingDeg} at draw ${index}`);
    }
    expect(normalBearingDeg(-360)).toBe(0);
    expect(normalBearingDeg(725)).toBe(5);
  });
});

describe("RAD-020 detectability", () => {
  test.each([
    ["SR", 0, 1000, 56.312528915],
    ["SR", 0, 4000, 32.230129262],
    ["LR", 0, 20_000, 20.302228959],
    ["LR", 25, 60_000, 26.21737877],
  ] as const)("RAD-020 snr - %s, %d dBsm at %d m is %d dB", (band, rcsDbsm, rangeM, expectedDb) => {
    const bandSettings = band === "LR" ? settings.lr : settings.sr;
    expect(Math.abs(decibel(snrRatio(settings, bandSettings, rcsDbsm, rangeM)) - expectedDb)).toBeLessThan(1e-6);
  });

  test.each([
    [10, 0.284803587],
    [13, 0.517177561],
    [15, 0.654755899],
    [20, 0.872155772],
    [25, 0.957383955],
    [30, 0.986293098],
  ])("RAD-021 detection - Swerling 1 at %d dB is %d", (snrDb, expected) => {
    expect(Math.abs(detectionProbability("swerling1", exp10(snrDb / 10), 1e-6) - expected)).toBeLessThan(1e-8);
  });

  test.each([
    [12, 0.6863554],
    [13, 0.884379638],
    [13.2, 0.910633844],
    [14, 0.973677314],
  ])("RAD-022 detection - steady at %d dB is %d", (snrDb, expected) => {
    expect(Math.abs(detectionProbability("steady", exp10(snrDb / 10), 1e-6) - expected)).toBeLessThan(1e-8);
  });

  test.each([
    [0.5, 18.388985927],
    [0.9, undefined],
    [0.1, 23.64665594],
  ])("RAD-023 detection - 20 dB with u = %d gives %s dB", (u, expected) => {
    const measured = measuredSnrDb(settings, "swerling1", 100, u);
    if (expected === undefined) expect(measured).toBeUndefined();
    else expect(Math.abs(measured! - expected)).toBeLessThan(1e-8);
    if (u === 0.9) expect(-101 * Math.log(u)).toBeCloseTo(10.641412081, 8);
  });

  test.each([
    ["sr", 5.326818938, 0.134082531, 0.15],
    ["lr", 11.7260394, 0.090622845, 0.3],
  ] as const)("RAD-024 noise - sigmas of %s at 20 dB", (band, rangeM, angleDeg, rateMps) => {
    const sigma = measurementSigma(settings[band], 20);
    expect(Math.abs(sigma.rangeM - rangeM)).toBeLessThan(1e-8);
    expect(Math.abs(sigma.angleRad * DEG - angleDeg)).toBeLessThan(1e-8);
    // 2 m/s over the root of 200, and the floor of 0.05 m/s: 0.15 exactly.
    expect(Math.abs(sigma.rangeRateMps - rateMps)).toBeLessThan(1e-8);
  });
});

describe("RAD-026 one look", () => {
  const target = (rangeM: number): Target => ({
    relativeM: [0, rangeM, 0],
    relativeMps: [0, -5, 0],
    rcsDbsm: 60,
    fluctuation: "steady",
    transponder: { mode: "ON", id: "ALLY-1" },
  });

  test("RAD-026 bands - the short range ends inclusively at its threshold, the long range goes on", () => {
    const stream = randomStream("RAD-026");
    expect(look(settings, settings.sr, target(5000), true, stream)).toBeDefined();
    expect(look(settings, settings.sr, target(5000 + 1e-6), true, stream)).toBeUndefined();
    expect(look(settings, settings.lr, target(5000), true, stream)).toBeDefined();
    expect(look(settings, settings.lr, target(5000 + 1e-6), true, stream)).toBeDefined();
    expect(look(settings, settings.lr, target(0.999999), true, stream)).toBeUndefined();
    expect(look(settings, settings.lr, target(1), true, stream)).toBeDefined();
  });

  test("RAD-026 bands - a contact at own position, where echoes are beyond measure: finite numbers, SNR at its cap", () => {
    const near = sensorSettingsOf({ "radar.min_range_m": 0 });
    const stream = randomStream("own position");
    for (const fluctuation of ["steady", "swerling1"] as const)
      for (const rangeM of [0, 1e-9]) {
        const seen = look(near, near.sr, { ...target(rangeM), fluctuation }, true, stream)!;
        for (const value of [seen.rangeM, seen.bearingDeg, seen.elevDeg, seen.rangeRateMps, seen.rcsDbsm])
          expect(value).toSatisfy(Number.isFinite);
        expect([seen.snrDb, seen.rangeM >= 0, seen.bearingDeg >= 0 && seen.bearingDeg < 360]).toEqual([60, true, true]);
      }
  });

  test("RAD-027 noise - 100,000 looks at 20 dB: rate of detection, mean and spread of the errors", () => {
    const stream = randomStream("RAD-027");
    // The cross section that gives 20 dB at 4 km.
    const rcsDbsm = 20 - decibel(snrRatio(settings, settings.sr, 0, 4000));
    const at: Target = { ...target(4000), rcsDbsm, fluctuation: "swerling1" };
    const looks = 100_000;
    let detected = 0;
    const sums = [0, 0, 0, 0];
    const squares = [0, 0, 0, 0];
    for (let index = 0; index < looks; index += 1) {
      const seen = look(settings, settings.sr, at, false, stream);
      if (seen === undefined) continue;
      detected += 1;
      const sigma = measurementSigma(settings.sr, seen.snrDb);
      const bearing = seen.bearingDeg > 180 ? seen.bearingDeg - 360 : seen.bearingDeg;
      const errors = [
        (seen.rangeM - 4000) / sigma.rangeM,
        bearing / DEG / sigma.angleRad,
        seen.elevDeg / DEG / sigma.angleRad,
        (seen.rangeRateMps + 5) / sigma.rangeRateMps,
      ];
      errors.forEach((error, axis) => {
        sums[axis]! += error;
        squares[axis]! += error * error;
      });
    }
    expect(Math.abs(detected / looks - 0.8722)).toBeLessThan(0.004);
    for (let axis = 0; axis < 4; axis += 1) {
      const mean = sums[axis]! / detected;
      expect(Math.abs(mean)).toBeLessThan(0.02);
      expect(Math.abs(Math.sqrt(squares[axis]! / detected - mean * mean) - 1)).toBeLessThan(0.02);
    }
  });

  test("RAD-027 noise - an elevation over the zenith comes down on the other side", () => {
    const wide = sensorSettingsOf({ "radar.sr.beamwidth_deg": 60 });
    const stream = randomStream("zenith");
    let mirrored = 0;
    for (let index = 0; index < 2000; index += 1) {
      const seen = look(wide, wide.sr, { ...target(100), relativeM: [0, 1, 100], rcsDbsm: -80 }, false, stream);
      if (seen === undefined) continue;
      expect(seen.elevDeg).toBeLessThanOrEqual(90);
      if (seen.bearingDeg > 90 && seen.bearingDeg < 270) mirrored += 1;
    }
    expect(mirrored).toBeGreaterThan(10);
  });
});
