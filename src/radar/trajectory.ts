import { assertNever } from "#base/assert.ts";
import { RAD_PER_DEG } from "#base/units.ts";
import { type Polar, type Vector3, xyzOfPolar } from "./coordinates.ts";

/** Where a contact is and how it moves, world axes. */
export interface Motion {
  readonly positionM: Vector3;
  readonly velocityMps: Vector3;
}

/** Truth of a contact as a closed form of simulated seconds: never a sum of steps, so any time can be asked for in any order. */
export type Trajectory = (timeS: number) => Motion;

export interface Xyz {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

/** A place: absolute, or as seen from own ship at tick 0. */
export type Place = Xyz | Polar;

export interface ManoeuvreSegment {
  readonly durationS: number;
  readonly accel: Xyz | undefined;
  /** Positive is clockwise from above. */
  readonly turnDps: number | undefined;
}

/** A trajectory as a scenario gives it (radar §4). */
export type TrajectorySpec =
  | { readonly kind: "constant_velocity"; readonly at: Place; readonly velocity: Xyz }
  | {
      readonly kind: "waypoints";
      readonly points: readonly { readonly tS: number; readonly at: Place }[];
      readonly end: "hold" | "continue";
    }
  | {
      readonly kind: "circular";
      readonly centre: Place;
      readonly radiusM: number;
      readonly speedMps: number;
      readonly startDeg: number;
      readonly direction: "cw" | "ccw";
      readonly climbMps: number;
    }
  | { readonly kind: "manoeuvre"; readonly at: Place; readonly velocity: Xyz; readonly segments: readonly ManoeuvreSegment[] };

const AT_REST: Vector3 = [0, 0, 0];

/** The trajectory of a specification; places given as range and bearing are relative to `ownPositionM`, own ship's at tick 0. */
export function trajectoryOf(spec: TrajectorySpec, ownPositionM: Vector3): Trajectory {
  const placeOf = (place: Place): Vector3 => {
    return "rangeM" in place ? sum(ownPositionM, xyzOfPolar(place)) : vectorOf(place);
  };
  switch (spec.kind) {
    case "constant_velocity":
      return straight(placeOf(spec.at), vectorOf(spec.velocity));
    case "waypoints":
      return waypoints(
        spec.points.map(({ tS, at }) => ({ timeS: tS, positionM: placeOf(at) })),
        spec.end === "continue",
      );
    case "circular":
      return circular(spec, placeOf(spec.centre));
    case "manoeuvre":
      return manoeuvre(placeOf(spec.at), vectorOf(spec.velocity), spec.segments);
    default:
      return assertNever(spec, "trajectory");
  }
}

function straight(startM: Vector3, velocityMps: Vector3): Trajectory {
  return (timeS) => ({ positionM: along(startM, velocityMps, timeS), velocityMps });
}

/** Linear between the points, at rest before the first; after the last at rest, or onward with the last leg's velocity. */
function waypoints(points: readonly { readonly timeS: number; readonly positionM: Vector3 }[], continues: boolean): Trajectory {
  const legs = points.slice(1).map((end, index) => {
    const start = points[index]!;
    const spanS = end.timeS - start.timeS;
    const speed = (axis: 0 | 1 | 2): number => (end.positionM[axis] - start.positionM[axis]) / spanS;
    const velocityMps: Vector3 = [speed(0), speed(1), speed(2)];
    return { start, end, velocityMps };
  });
  const last = legs.at(-1)!;
  return (timeS) => {
    if (timeS < points[0]!.timeS) return { positionM: points[0]!.positionM, velocityMps: AT_REST };
    const leg = legs.find(({ end }) => timeS < end.timeS) ?? last;
    if (timeS >= last.end.timeS && !continues) return { positionM: last.end.positionM, velocityMps: AT_REST };
    return { positionM: along(leg.start.positionM, leg.velocityMps, timeS - leg.start.timeS), velocityMps: leg.velocityMps };
  };
}

function circular(spec: TrajectorySpec & { kind: "circular" }, centreM: Vector3): Trajectory {
  const turn = spec.direction === "cw" ? 1 : -1;
  const rateRps = (turn * spec.speedMps) / spec.radiusM;
  const { climbMps } = spec;
  return (timeS) => {
    const bearing = spec.startDeg * RAD_PER_DEG + rateRps * timeS;
    const [sin, cos] = [Math.sin(bearing), Math.cos(bearing)];
    return {
      positionM: [centreM[0] + spec.radiusM * sin, centreM[1] + spec.radiusM * cos, centreM[2] + climbMps * timeS],
      velocityMps: [turn * spec.speedMps * cos, -turn * spec.speedMps * sin, climbMps],
    };
  };
}

/** Exact within each segment; after the last one straight on. */
function manoeuvre(startM: Vector3, velocityMps: Vector3, segments: readonly ManoeuvreSegment[]): Trajectory {
  const legs: { readonly fromS: number; readonly motion: Trajectory }[] = [];
  let fromS = 0;
  let at: Motion = { positionM: startM, velocityMps };
  for (const segment of segments) {
    const motion = segmentMotion(at, segment);
    legs.push({ fromS, motion });
    at = motion(segment.durationS);
    fromS += segment.durationS;
  }
  legs.push({ fromS, motion: straight(at.positionM, at.velocityMps) });
  return (timeS) => {
    const leg = legs.findLast((one) => one.fromS <= timeS) ?? legs[0]!;
    return leg.motion(timeS - leg.fromS);
  };
}

/** Constant acceleration, or the horizontal velocity turned at a constant rate. */
function segmentMotion({ positionM, velocityMps }: Motion, { accel, turnDps = 0 }: ManoeuvreSegment): Trajectory {
  if (accel !== undefined) {
    const accelMps2 = vectorOf(accel);
    return (timeS) => ({
      positionM: along(along(positionM, velocityMps, timeS), accelMps2, (timeS * timeS) / 2),
      velocityMps: along(velocityMps, accelMps2, timeS),
    });
  }
  const rateRps = turnDps * RAD_PER_DEG;
  if (rateRps === 0) return straight(positionM, velocityMps);
  const [vx, vy, vz] = velocityMps;
  return (timeS) => {
    const [sin, cos] = [Math.sin(rateRps * timeS), Math.cos(rateRps * timeS)];
    return {
      positionM: [
        positionM[0] + (vx * sin + vy * (1 - cos)) / rateRps,
        positionM[1] + (vy * sin - vx * (1 - cos)) / rateRps,
        positionM[2] + vz * timeS,
      ],
      velocityMps: [vx * cos + vy * sin, vy * cos - vx * sin, vz],
    };
  };
}

function vectorOf({ x, y, z }: Xyz): Vector3 {
  return [x, y, z];
}

function sum(a: Vector3, b: Vector3): Vector3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

function along(from: Vector3, direction: Vector3, by: number): Vector3 {
  return [from[0] + direction[0] * by, from[1] + direction[1] * by, from[2] + direction[2] * by];
}
