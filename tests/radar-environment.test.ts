import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { drivenRows } from "#recording/driven-rows.ts";
import { verifyRecording } from "#recording/verify.ts";
import { qiki } from "./running-twin.ts";
import { radarEnvironment } from "#cli/radar-env.ts";
import { loadSettings } from "#cli/settings.ts";

const ofEnvironment = (env: Readonly<Record<string, string>>): ReturnType<typeof radarEnvironment> =>
  radarEnvironment(loadSettings(undefined, env).values);

describe("environment of the radar", () => {
  test("RAD-026 environment - nothing set: nothing changed", () => {
    expect(ofEnvironment({})).toEqual({
      config: {},
      profile: undefined,
      mode: "FACTORY",
      transponderId: undefined,
      guardCooldownS: 2,
      publishesGuards: true,
    });
  });

  test("GRD-010 environment - each variable says what it says; the cooldown has a floor", () => {
    const env = {
      RADAR_SR_THRESHOLD_M: "250.5",
      RADAR_ENABLED: "False",
      RADAR_TRANSPONDER_ID: "ALLY-ME",
      RADAR_GUARD_PUBLISH_INTERVAL_S: "0.01",
      RADAR_GUARD_EVENTS_ENABLED: "0",
      BOT_CONFIG_PATH: "old.json",
      QIKI_BOT_CONFIG_PATH: "mine.json",
      QIKI_MODE: "MISSION",
    };
    expect(ofEnvironment(env)).toEqual({
      config: { "radar.sr_threshold_m": 250.5, "radar.enabled": false },
      profile: "mine.json",
      mode: "MISSION",
      transponderId: "ALLY-ME",
      guardCooldownS: 0.1,
      publishesGuards: false,
    });
    expect(ofEnvironment({ RADAR_GUARD_PUBLISH_INTERVAL_S: "7" }).guardCooldownS).toBe(7);
  });

  test.each([
    ["RADAR_SR_THRESHOLD_M", "0", "m"],
    ["RADAR_SR_THRESHOLD_M", "", "m"],
    ["RADAR_SR_THRESHOLD_M", "far", "m"],
    ["RADAR_ENABLED", "perhaps", "true or false"],
    ["RADAR_TRANSPONDER_ID", "", "1 to 64"],
    ["RADAR_TRANSPONDER_ID", "A B", "1 to 64"],
    ["RADAR_GUARD_PUBLISH_INTERVAL_S", "-1", "s"],
    ["RADAR_GUARD_EVENTS_ENABLED", "off", "true or false"],
  ])("GRD-022 environment - %s of %o is refused by name", (name, text, takes) => {
    expect(() => ofEnvironment({ [name]: text })).toThrow(new RegExp(`^${name}: got "${text}", expected .*${takes}`));
  });

  test("RAD-026 environment - a run obeys it over its scenario, and its recording proves itself", async () => {
    const folder = mkdtempSync(join(tmpdir(), "qiki-radar-env-"));
    const [scenario, recording] = [join(folder, "near.yaml"), join(folder, "near.jsonl")];
    writeFileSync(
      scenario,
      `
name: near
profile: profiles/shipped.json
duration_s: 3
config: { radar.sr_threshold_m: 5000 }
init: { run: RUNNING }
contacts:
  - { id: a, type: SHIP, rcs_dbsm: 40, trajectory: { kind: constant_velocity, at: { x: 0, y: 400, z: 0 }, velocity: { x: 0, y: 0, z: 0 } } }
`,
    );
    vi.stubEnv("RADAR_SR_THRESHOLD_M", "300");
    vi.stubEnv("RADAR_TRANSPONDER_ID", "ALLY-ME");
    const run = await qiki(["run", scenario, "--record", recording]);
    vi.unstubAllEnvs();
    expect(run.code, run.stderr).toBe(0);
    const text = readFileSync(recording, "utf8");
    expect(text).not.toContain('"subject":"qiki.radar.v1.tracks.sr"');
    expect(text).toContain('"subject":"qiki.radar.v1.frames.lr"');
    expect(text).toContain('"id":"ALLY-ME"');
    expect(verifyRecording({ rows: () => drivenRows(recording, () => {}) })).toMatchObject({ kind: "identical" });
    rmSync(folder, { recursive: true });
  });
});
