import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { telemetrySchema } from "./telemetry.ts";

const example = JSON.parse(readFileSync(new URL("../twin/telemetry.example.json", import.meta.url), "utf8")) as Record<string, never>;

const CLOSED = [
  "power",
  "power.sources_w",
  "power.loads_w",
  "thermal",
  "thermal.nodes.0",
  "position",
  "attitude",
  "hull",
  "velocity_xyz_m_s",
  "orbit",
];
const OPEN = ["comms", "comms.xpdr", "propulsion", "propulsion.rcs", "docking", "sensor_plane", "motion", "power_detail", "explain.0"];

/** The example with one more key at a path. */
function grown(path: string): unknown {
  const copy = JSON.parse(JSON.stringify(example)) as Record<string, unknown>;
  const target = path === "" ? copy : path.split(".").reduce((value, key) => value[key] as Record<string, unknown>, copy);
  target.extra = 1;
  return copy;
}

describe("telemetry schema", () => {
  test("telemetry - the contract's example fits", () => {
    expect(telemetrySchema.safeParse(example).error?.issues).toBeUndefined();
  });

  test.each(CLOSED)("telemetry - %s takes no key that the contract lacks", (path) => {
    expect(telemetrySchema.safeParse(grown(path)).success).toBe(false);
  });

  test.each(["", ...OPEN])("telemetry - '%s' may grow", (path) => {
    expect(telemetrySchema.safeParse(grown(path)).success).toBe(true);
  });

  test.each([
    ["heading", 360],
    ["battery", 101],
    ["state_hash", "xyz"],
    ["tick", 1.5],
    ["velocity", Number.NaN],
  ])("telemetry - refuses %s %s", (key, value) => {
    expect(telemetrySchema.safeParse({ ...example, [key]: value }).success).toBe(false);
  });
});
