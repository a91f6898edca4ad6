import { expect, test } from "vitest";
import { formatAge, formatBearing, formatDuration, formatNumber, formatSimTime, formatValue, formatWall } from "./format.ts";

// Numbers look the same in both languages: a decimal point, no grouping.
test.each<[number, string, number | undefined, string]>([
  [134.4, "W", undefined, "134 W"],
  [134.5, "W", undefined, "135 W"],
  [0, "W", undefined, "0 W"],
  [-0.4, "W", undefined, "0 W"],
  [-12.6, "W", undefined, "−13 W"],
  [12_345.6, "W", undefined, "12346 W"],
  [26.84, "V", undefined, "26.8 V"],
  [5, "A", undefined, "5.0 A"],
  [92.06, "°C", undefined, "92.1 °C"],
  [-119.97, "°C", undefined, "−120.0 °C"],
  [80, "%", undefined, "80.0 %"],
  [1.25, "m/s", undefined, "1.3 m/s"],
  [-0.04, "m/s", undefined, "0.0 m/s"],
  [12.34, "deg", undefined, "12.3 °"],
  [Math.PI, "rad", undefined, "180.0 °"],
  [-Math.PI / 2, "rad", undefined, "−90.0 °"],
  [21.55, "dB", undefined, "21.6 dB"],
  [9999.4, "m", undefined, "9999 m"],
  [10_000, "m", undefined, "10.00 km"],
  [-12_345, "m", undefined, "−12.35 km"],
  [0.1234, "W", 3, "0.123 W"],
  [7, "", undefined, "7 "],
  [7.125, "", undefined, "7.13 "],
  [412.6, "ms", undefined, "413 ms"],
  [2, "x", undefined, "2.00 x"],
])("format - number %d %s (%s decimals)", (value, unit, decimals, text) => {
  const formatted = formatNumber(value, unit, decimals);
  expect(`${formatted.text} ${formatted.unit}`).toBe(text);
});

test.each([
  [45, "045"],
  [0, "000"],
  [359.4, "359"],
  [359.5, "000"],
  [-90, "270"],
  [720, "000"],
])("format - bearing %d", (bearing, text) => {
  expect(formatBearing(bearing)).toEqual({ text, unit: "°" });
});

test.each([
  [0, "0 s"],
  [12.9, "12 s"],
  [59.99, "59 s"],
  [60, "1 min 00 s"],
  [185, "3 min 05 s"],
  [3599, "59 min 59 s"],
  [3600, "1 h 00 min"],
  [7800, "2 h 10 min"],
  [-4, "0 s"],
])("format - duration %d s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test("format - times: simulated, wall and age", () => {
  const epochMs = Date.parse("2026-01-01T00:20:10.000Z");
  expect(formatSimTime(epochMs)).toBe("2026-001T00:20:10.0Z");
  expect(formatSimTime(Date.parse("2028-12-31T23:59:59.960Z"))).toBe("2028-366T23:59:59.9Z");
  expect(formatWall(Date.parse("2026-11-22T10:00:00.999Z"))).toBe("10:00:00Z");
  expect([0, 412, 9949, 10_000, 65_000].map(formatAge)).toEqual(["0.0 s", "0.4 s", "9.9 s", "10 s", "1 min 05 s"]);
});

test("format - other values: truth, lists, texts and parts", () => {
  expect(formatValue(true, "").text).toBe("yes");
  expect(formatValue([], "").text).toBe("none");
  expect(formatValue(["nbl", 2.5], "").text).toBe("nbl, 2.50");
  expect(formatValue({ nbl: 154.31, radar: 160 }, "W", 1)).toEqual({ text: "nbl 154.3, radar 160.0", unit: "W" });
  expect(formatValue({}, "W").text).toBe("none");
  expect(formatValue([0.1, -0.25], "rad/s")).toEqual({ text: "0.1000, −0.2500", unit: "rad/s" });
  expect(formatValue([20_000, 5], "m")).toEqual({ text: "20.00, 0.01", unit: "km" });
  expect(formatValue([{ load: "nbl", since_tick: 51 }], "").text).toBe("load nbl, since_tick 51");
  expect(formatValue("RUN", "").text).toBe("RUN");
});
