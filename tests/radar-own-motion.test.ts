import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadGuardRules, loadRuleSet } from "#cli/load-rules.ts";
import { loadRun } from "#cli/load-run.ts";
import type { RadarTrackWire } from "#contracts/radar.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { trajectoryOf } from "#radar/trajectory.ts";
import { createTwin } from "#twin/twin.ts";
import { ROOT, removeFolder } from "./running-twin.ts";

const SCENARIO = readFileSync(join(ROOT, "scenarios/radar-own-thrust.yaml"), "utf8").replace("profile: ", `profile: ${ROOT}/`);
const folder = mkdtempSync(join(tmpdir(), "qiki-own-motion-"));
afterAll(() => removeFolder(folder));
const SEEDS = 20;
/** Chi-square of three degrees of freedom is above this once in a million. */
const D2_MAX = 30.7;

/** Squared distance of a place from a track's, in terms of the track's own covariance (Cholesky). */
function distance2({ position, position_covariance: covariance }: RadarTrackWire, place: readonly number[]): number {
  const [xx, xy, xz, yy, yz, zz] = covariance as [number, number, number, number, number, number];
  const error = [place[0]! - position!.x, place[1]! - position!.y, place[2]! - position!.z] as const;
  const l11 = Math.sqrt(xx);
  const [l21, l31] = [xy / l11, xz / l11];
  const l22 = Math.sqrt(yy - l21 * l21);
  const l32 = (yz - l31 * l21) / l22;
  const l33 = Math.sqrt(zz - l31 * l31 - l32 * l32);
  const a = error[0] / l11;
  const b = (error[1] - l21 * a) / l22;
  const c = (error[2] - l31 * a - l32 * b) / l33;
  return a * a + b * b + c * c;
}

// The second filter expects hardly any manoeuvre: own ship's, which is known, must not look like one of the contact's.
test.each([0.5, 0.02])(
  `RAD-058 own motion - burning while it tumbles, q %d: each contact at rest is one track at its place, no guard speaks, seeds 1 to ${SEEDS}`,
  (q) => {
    const scenario = join(folder, "thrust.yaml");
    writeFileSync(scenario, `${SCENARIO}config: { tracker.q: ${q} }\n`);
    let [sum, count] = [0, 0];
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const { model } = loadRun({ scenario, bootId: "0", seed });
      const places = model.setup.scenario.contacts.map(({ trajectory }) => trajectoryOf(trajectory, [0, 0, 0])(0).positionM);
      const twin = createTwin({ model, ruleSet: loadRuleSet().ruleSet, guardRuleSet: loadGuardRules().ruleSet(), hashesIncidents: false });
      const ids = new Set<string>();
      let speedMax = 0;
      twin.step([{ kind: "boot" }]);
      for (let tick = 1; tick <= 900; tick += 1) {
        const outputs = twin.step([{ kind: "tick" }]);
        const { motion } = twin.sim.telemetry();
        speedMax = Math.max(speedMax, Math.hypot(...motion.inertial_velocity_mps));
        const truths = places.map((place) => place.map((value, axis) => value - motion.position_m[axis]!));
        for (const output of outputs) {
          if (output.kind !== "message") continue;
          expect(output.message.subject, `seed ${seed}, tick ${tick}`).not.toBe(SUBJECTS.radarGuard);
          if (output.message.subject !== SUBJECTS.radarTracks) continue;
          const track = output.message.payload as never as RadarTrackWire;
          ids.add(track.track_id);
          if (tick < 50) continue;
          const nearest = Math.min(...truths.map((truth) => distance2(track, truth)));
          expect(nearest, `seed ${seed}, tick ${tick}, track ${track.track_id}`).toBeLessThan(D2_MAX);
          sum += nearest;
          count += 1;
        }
      }
      expect(ids.size, `seed ${seed}`).toBe(places.length);
      expect(speedMax).toBeGreaterThan(5);
    }
    // The covariances are honest: three axes give a mean of 3 at most.
    expect(sum / count).toBeLessThan(3);
  },
);
