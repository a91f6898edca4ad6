import { formatUtcMs } from "#base/rfc3339.ts";
import { asTick, eventTimeMs, simTimeS } from "#base/tick-time.ts";
import { DEG_PER_RAD } from "#base/units.ts";
import type { TelemetryPayload } from "#contracts/telemetry.ts";
import { attitudeAngles } from "#craft/attitude.ts";
import type { CraftConfig } from "#craft/config.ts";
import * as at from "#craft/layout.ts";
import { CORE_TEMP_C, nodeTempC, stateOfChargePct } from "#craft/permission.ts";
import { type CraftState, vectorAt } from "#craft/state.ts";
import { commsOf } from "./telemetry-comms.ts";
import { explainOf } from "./telemetry-explain.ts";
import { powerDetailOf, powerOf } from "./telemetry-power.ts";
import { dockingOf, propulsionOf } from "./telemetry-propulsion.ts";
import { sensorPlaneOf } from "./telemetry-sensors.ts";

/** What a telemetry message says beside the craft's state. */
export interface TelemetryContext {
  readonly runId: string;
  readonly seed: number;
  readonly epochMs: number;
  readonly tickMs: number;
  readonly runState: "STOPPED" | "RUNNING" | "PAUSED";
  readonly speed: number;
  /** A repeat of a frozen state by the wall clock. */
  readonly heartbeat: boolean;
  readonly profileHash?: string;
  readonly ownTransponderId: string;
  readonly spoofId: string;
  /** Hex digest of the craft state. */
  readonly stateHash: string;
  /** Wall time of publishing, RFC 3339; the service that publishes puts it in. */
  readonly tsIngest?: string;
}

/** The payload of `qiki.telemetry` (simulation §7), keys in the order of its example, numbers unrounded. */
export function projectTelemetry(state: CraftState, config: CraftConfig, context: TelemetryContext): TelemetryPayload {
  const { values } = state;
  const tick = asTick(values[at.TICK]!);
  const timeMs = eventTimeMs(context.epochMs, tick, context.tickMs);
  const [x, y, z] = state.positionM;
  const [vx, vy, vz] = state.velocityMps;
  const speedMps = Math.sqrt(vx * vx + vy * vy + vz * vz);
  const { headingDeg, rollRad, pitchRad, yawRad } = attitudeAngles(values);
  return {
    schema_version: 1,
    source: "q_sim_service",
    timestamp: formatUtcMs(timeMs),
    ts_unix_ms: timeMs,
    position: { x, y, z },
    velocity: speedMps,
    speed_m_s: speedMps,
    velocity_xyz_m_s: { x: vx, y: vy, z: vz },
    heading: headingDeg,
    attitude: { roll_rad: rollRad, pitch_rad: pitchRad, yaw_rad: yawRad },
    battery: stateOfChargePct(values, 0, config),
    hull: { integrity: 100 },
    power: powerOf(state, config),
    thermal: thermalOf(state, config),
    orbit: {
      state: "off",
      reason: "orbit_not_modelled",
      confidence: 0,
      apoapsis_km: null,
      periapsis_km: null,
      inclination_deg: Math.atan2(z, Math.sqrt(x * x + y * y)) * DEG_PER_RAD,
      eccentricity: null,
      period_min: null,
    },
    comms: commsOf(state, config, context),
    propulsion: propulsionOf(values, config),
    radiation_usvh: values[at.RADIATION_USVH]!,
    temp_external_c: values[at.AMBIENT_C]!,
    temp_core_c: nodeTempC(values, 0, config.coreNode, CORE_TEMP_C),
    cpu_usage: values[at.CPU_PCT]!,
    memory_usage: values[at.RAM_PCT]!,
    docking: dockingOf(values, config),
    sensor_plane: sensorPlaneOf(state, config),
    ...(context.profileHash === undefined ? {} : { hardware_profile_hash: context.profileHash }),
    sim_state: {
      running: context.runState === "RUNNING",
      paused: context.runState === "PAUSED",
      speed: context.speed,
      fsm_state: context.runState,
    },
    tick,
    sim_time_s: simTimeS(tick, context.tickMs),
    dt_s: context.tickMs / 1000,
    ...(context.tsIngest === undefined ? {} : { ts_ingest: context.tsIngest }),
    run: { seed: context.seed, id: context.runId, epoch: formatUtcMs(context.epochMs), heartbeat: context.heartbeat },
    state_hash: context.stateHash,
    field_sources: {
      hull: "fixture",
      radiation_usvh: values[at.RADIATION_FROM_SCENARIO] === 1 ? "scenario" : "fixture",
      temp_external_c: values[at.AMBIENT_FROM_SCENARIO] === 1 ? "scenario" : "fixture",
      orbit: "not_modelled",
    },
    motion: motionOf(state, config),
    power_detail: powerDetailOf(state, config),
    explain: explainOf(state, config),
  };
}

/** Members that hang on the craft alone. */
const SECTIONS: ReadonlyMap<string, (state: CraftState, config: CraftConfig) => unknown> = new Map(
  Object.entries({ power: powerOf, thermal: thermalOf, motion: motionOf, power_detail: powerDetailOf, explain: explainOf }),
);

/** One member of the payload made alone, or undefined for one that is not: expectations look at the same few in every tick. */
export function projectSection(key: string, state: CraftState, config: CraftConfig): unknown {
  return SECTIONS.get(key)?.(state, config);
}

function thermalOf({ values }: CraftState, config: CraftConfig): TelemetryPayload["thermal"] {
  const nodes = config.profile.thermalPlane.nodes.map((node, index) => {
    const slot = at.NODES + index * at.NODE_STRIDE;
    const isTripped = values[slot + at.NODE_TRIPPED] === 1;
    return {
      id: node.id,
      temp_c: values[slot]!,
      tripped: isTripped,
      warned: values[slot + at.NODE_WARNED] === 1 && !isTripped,
      warn_c: node.warnC ?? 0,
      trip_c: node.tripC,
      hys_c: node.hysteresisC,
    };
  });
  return { nodes };
}

function motionOf(state: CraftState, config: CraftConfig): TelemetryPayload["motion"] {
  const { values, positionM, velocityMps } = state;
  return {
    position_m: [...positionM],
    velocity_mps: [...velocityMps],
    inertial_velocity_mps: vectorAt(values, at.VELOCITY_MPS),
    quaternion: [
      values[at.QUATERNION]!,
      values[at.QUATERNION + at.NEXT]!,
      values[at.QUATERNION + 2 * at.NEXT]!,
      values[at.QUATERNION + 3 * at.NEXT]!,
    ],
    body_rates_rps: vectorAt(values, at.RATES_RPS),
    drive_command_mps: values[at.DRIVE_COMMAND_MPS]!,
    drive_actual_mps: values[at.DRIVE_SPEED_MPS]!,
    turn_left_deg: values[at.TURN_LEFT_DEG]!,
    mass_kg: config.profile.motionPlane.dryMassKg + values[at.PROPELLANT_KG]!,
  };
}
