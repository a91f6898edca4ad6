import { randomStream } from "#base/random.ts";
import type { ContactSpec } from "#radar/contacts.ts";
import { type Frame, RADAR_SENSOR_ID } from "#radar/frame.ts";
import type { Place } from "#radar/metrics.ts";
import { Plots, plotDetections } from "#radar/plots.ts";
import { createScene, type SensorInputs } from "#radar/scene.ts";
import { contactOf, sensorSettingsOf, trackerSettingsOf } from "#radar/test-rig.ts";
import { Tracker } from "#radar/tracker.ts";
import { trajectoryOf } from "#radar/trajectory.ts";
import { type Course, SCANS, WARM_UP_SCANS } from "./course.ts";

/**
 * The hand-over ring (radar §9.2): long range looks every 4 s as far as 100 km, short range every second as far as 10 km; 200 targets
 * on straight lines at 10 to 30 m/s cross the ring where they change hands, inward or outward. Errors on each axis, at the ring, are
 * 50 m and 5 m. Through the product's own scene, sensor, conversion, merge of the bands and tracker, absorption included.
 */
const RING_M = 10_000;
const TARGETS = 200;
/** Three sigmas of long range: a track that it alone follows still counts as one. */
const CUTOFF_M = 150;
const PD = 0.9;

const degreesOf = (sigmaM: number): number => ((sigmaM / RING_M) * 180) / Math.PI;

/** Errors that no SNR changes. */
function band(name: "lr" | "sr", sigmaM: number): Record<string, number> {
  const exact = { range_cell_m: 0, beamwidth_deg: 0, floor_range_m: sigmaM, floor_angle_deg: degreesOf(sigmaM) };
  return Object.fromEntries(Object.entries(exact).map(([key, value]) => [`radar.${name}.${key}`, value]));
}

const SENSOR = sensorSettingsOf({
  "radar.sr_threshold_m": RING_M,
  "radar.lr.every_frames": 4,
  "radar.detection": "fixed",
  "radar.fixed_pd": PD,
  ...band("lr", 50),
  ...band("sr", 5),
});

export function ring(): Course {
  const contacts = ringContacts();
  const trajectories = contacts.map(({ trajectory }) => trajectoryOf(trajectory, [0, 0, 0]));
  const frames = framesOf(contacts);
  return {
    c: CUTOFF_M,
    truth: (scan) => trajectories.map((at): Place => at(scan + 1).positionM),
    begin() {
      const settings = trackerSettingsOf({ "tracker.pd": PD });
      const tracker = new Tracker(settings, SENSOR);
      const plots = new Plots();
      return {
        tracker,
        prepare: (scan) => void plotDetections(plots, frames[scan]!.detections, SENSOR, settings.dims),
        scan: (scan) => tracker.scan(plots, frames[scan]!),
      };
    },
  };
}

/** Each target is on the ring at a moment of its own after the warm-up. */
function ringContacts(): ContactSpec[] {
  const stream = randomStream("ring/contacts");
  return Array.from({ length: TARGETS }, (_, n) => {
    const bearing = 2 * Math.PI * stream.uniform();
    const crossesS = WARM_UP_SCANS + SCANS * stream.uniform();
    const course = bearing + (stream.uniform() < 0.5 ? 0 : Math.PI) + (Math.PI / 3) * (2 * stream.uniform() - 1);
    const speed = 10 + 20 * stream.uniform();
    const velocity = { x: speed * Math.sin(course), y: speed * Math.cos(course), z: 0 };
    const at = {
      x: RING_M * Math.sin(bearing) - velocity.x * crossesS,
      y: RING_M * Math.cos(bearing) - velocity.y * crossesS,
      z: 0,
    };
    return contactOf(`target-${n}`, { fluctuation: "steady", trajectory: { kind: "constant_velocity", at, velocity } });
  });
}

const AT_REST: SensorInputs = {
  radarOn: true,
  interrogates: true,
  positionM: [0, 0, 0],
  velocityMps: [0, 0, 0],
  dropout: { lr: false, sr: false },
  lateS: 0,
};

function framesOf(contacts: readonly ContactSpec[]): Frame[] {
  const scene = createScene({ settings: SENSOR, contacts, seed: 1, tickMs: 1000, ownStartM: [0, 0, 0] });
  return Array.from({ length: WARM_UP_SCANS + SCANS }, (_, scan) => {
    const [sent] = scene.advance(scan + 1, AT_REST);
    return { ...sent!.scan, frameId: `ring:${scan}`, sensorId: RADAR_SENSOR_ID, timeUs: (scan + 1) * 1_000_000, runId: undefined };
  });
}
