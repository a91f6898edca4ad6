import { commandSpec } from "#contracts/command-catalogue.ts";
import { RADAR_SENSOR_ID } from "#contracts/radar.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { isAck } from "./command-match.ts";
import type { DrivenRow } from "./drive.ts";

/** Subjects on which the sim machine speaks, alone or beside others. */
const SIM_SUBJECTS = new Set<string>([
  SUBJECTS.telemetry,
  SUBJECTS.thermal,
  SUBJECTS.thermalTrip,
  SUBJECTS.powerBus,
  SUBJECTS.powerPdu,
  SUBJECTS.radarSensor,
  SUBJECTS.radarFrames,
  SUBJECTS.radarFramesLr,
  SUBJECTS.radarFramesSr,
  SUBJECTS.systemMode,
  SUBJECTS.responses,
  SUBJECTS.audit,
  SUBJECTS.recordHashes,
]);

const FRAMES = new Set<string>([SUBJECTS.radarFrames, SUBJECTS.radarFramesLr, SUBJECTS.radarFramesSr]);

/** Whether the sim machine made this row, so that recomputing makes it again; a repeated ACK comes from the door before it. */
export function isSimRow({ subject, data }: DrivenRow): boolean {
  if (!SIM_SUBJECTS.has(subject)) return false;
  // Another sensor's frames feed the tracker; our sim did not make them.
  if (FRAMES.has(subject)) return data.sensor_id === RADAR_SENSOR_ID;
  if (subject === SUBJECTS.audit) return data.source === "q_sim_service";
  if (subject === SUBJECTS.recordHashes) return data.room === "craft" || data.room === "scene";
  if (subject !== SUBJECTS.responses || !isAck(data)) return true;
  return data.idempotent_replay !== true && (commandSpec(data.payload.command_name)?.owner ?? "sim") === "sim";
}
