import { z } from "zod";
import { ackSchema } from "./ack.ts";
import { auditEventSchema, auditRecordSchema } from "./audit.ts";
import { COMMANDS } from "./command-catalogue.ts";
import {
  powerBusSchema,
  powerPduSchema,
  radarSensorSchema,
  recordStorageSchema,
  systemModeSchema,
  thermalReadingSchema,
  thermalTripSchema,
} from "./events.ts";
import { CLOUD_EVENTS } from "./message.ts";
import { guardEventSchema, radarFrameSchema, radarTrackSchema, trackerStatusSchema } from "./radar.ts";
import {
  checkRowSchema,
  endRowSchema,
  gapRowSchema,
  hashesRowSchema,
  keyframeRowSchema,
  recordingMetaSchema,
  rulesRowSchema,
} from "./recording.ts";
import { STREAMS } from "./streams.ts";
import { SUBJECTS } from "./subjects.ts";
import { telemetrySchema } from "./telemetry.ts";

export type Publisher = "sim" | "tracker" | "alarms" | "recorder" | "clients" | "command owner" | "any service";

/** One kind of message of the contract: where it stands, who sends it, what it says (operations §2.1). */
export interface MessageContract {
  readonly name: string;
  readonly subject: string;
  readonly publisher: Publisher;
  readonly about: string;
  /** CloudEvents type, where the message has CloudEvents headers. */
  readonly type?: string;
  /** Stream that keeps it; absent: core only. */
  readonly stream?: string;
  readonly schema: z.ZodType;
  /** Whether its sender and its reader judge it by other means: a command's owner, the audit store, the recording's reader. */
  readonly checkedElsewhere?: true;
}

/** A command as clients send it (operations §4.1). Camel case is read too; parameters of each command: docs/commands.md. */
const commandSchema = z.looseObject({
  command_name: z.enum(COMMANDS.map(({ name }) => name) as [string, ...string[]]),
  parameters: z.looseObject({}),
  metadata: z.looseObject({
    message_id: z.string().optional(),
    correlation_id: z.string().optional(),
    timestamp: z.string().optional(),
    message_type: z.string().optional(),
    source: z.string().optional(),
    destination: z.string().optional(),
    expires_at: z.string().optional(),
    actor: z.looseObject({ id: z.string(), role: z.string() }).optional(),
    confirm: z.boolean().optional(),
    key_id: z.string().optional(),
    signature: z.string().optional(),
  }),
});

const EVENTS = STREAMS.events.name;
const RADAR = STREAMS.radar.name;

/** Every message that the product publishes or takes, in the order of the contract's tables. */
export const MESSAGES: readonly MessageContract[] = [
  {
    name: "telemetry",
    subject: SUBJECTS.telemetry,
    publisher: "sim",
    about: "the craft's state, each second of sim time and at every change of the run",
    type: CLOUD_EVENTS.telemetry.type,
    schema: telemetrySchema,
  },
  {
    name: "command",
    subject: SUBJECTS.commands,
    publisher: "clients",
    about: "a command; exactly one answer follows",
    schema: commandSchema,
    checkedElsewhere: true,
  },
  { name: "ack", subject: SUBJECTS.responses, publisher: "command owner", about: "the answer to a command", schema: ackSchema },
  radar("radar_frame", "radarFrames", "all plots of one scan, also when there is none", radarFrameSchema),
  radar("radar_frame_lr", "radarFramesLr", "long-range plots of one scan, without identities", radarFrameSchema),
  radar("radar_frame_sr", "radarFramesSr", "short-range plots of one scan; a frame in spite of its subject", radarFrameSchema),
  { ...radar("radar_track", "radarTracks", "one track, once per scan; LOST is its last word", radarTrackSchema), publisher: "tracker" },
  event("thermal", "thermal", "sim", "core temperature, each second", thermalReadingSchema),
  event("thermal_trip", "thermalTrip", "sim", "a node trips, or is cool again", thermalTripSchema),
  event("power_bus", "powerBus", "sim", "bus current and what all loads ask for, each second", powerBusSchema),
  event("power_pdu", "powerPdu", "sim", "the power distribution unit, each second and at every change of overcurrent", powerPduSchema),
  event("radar_sensor", "radarSensor", "sim", "whether the radar looks, each second while it is asked for", radarSensorSchema),
  event("radar_guard", "radarGuard", "tracker", "a guard rule's alert, or its end", guardEventSchema),
  event("radar_tracker", "radarTracker", "tracker", "what the tracker holds and refused, each second of its frames", trackerStatusSchema),
  event("record_storage", "recordStorage", "recorder", "how full the disk of recordings is, each ten seconds", recordStorageSchema),
  event("system_mode", "systemMode", "sim", "the mode, at boot and on change", systemModeSchema),
  event("audit", "audit", "any service", "a fact on its way into the audit chain, or the chain's head", auditEventSchema),
  {
    ...event(
      "incident_record",
      "operatorIncidents",
      "alarms",
      "a transition of an incident, as it stands in the audit chain",
      auditRecordSchema,
    ),
    checkedElsewhere: true,
  },
  recording(
    "record_meta",
    "recordMeta",
    "recorder",
    "first row of a recording: all that a proof needs to build the machines",
    recordingMetaSchema,
  ),
  recording("record_hashes", "recordHashes", "any service", "digests of one room", hashesRowSchema),
  recording("record_keyframe", "recordKeyframe", "any service", "a machine's whole state", keyframeRowSchema),
  recording("record_rules", "recordRules", "any service", "text of rules that come into force", rulesRowSchema),
  recording("record_check", "recordCheck", "recorder", "digest of all earlier bytes of the file", checkRowSchema),
  recording("record_gap", "recordGap", "recorder", "a hole in a publisher's numbering", gapRowSchema),
  recording("record_end", "recordEnd", "recorder", "last row of a finished recording", endRowSchema),
];

/** Schemas of what publishers check before they send and consoles before they show, by subject. */
export const SUBJECT_SCHEMAS: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  MESSAGES.filter(({ checkedElsewhere }) => checkedElsewhere !== true).map(({ subject, schema }) => [subject, schema]),
);

type SubjectName = keyof typeof SUBJECTS;
type EventName = SubjectName & keyof typeof CLOUD_EVENTS;

function event(name: string, subject: SubjectName, publisher: Publisher, about: string, schema: z.ZodType): MessageContract {
  const type = subject in CLOUD_EVENTS ? CLOUD_EVENTS[subject as EventName].type : CLOUD_EVENTS.audit.type;
  return { name, subject: SUBJECTS[subject], publisher, about, type, stream: EVENTS, schema };
}

function radar(name: string, subject: EventName, about: string, schema: z.ZodType): MessageContract {
  return { name, subject: SUBJECTS[subject], publisher: "sim", about, type: CLOUD_EVENTS[subject].type, stream: RADAR, schema };
}

function recording(name: string, subject: SubjectName, publisher: Publisher, about: string, schema: z.ZodType): MessageContract {
  return { name, subject: SUBJECTS[subject], publisher, about, schema, checkedElsewhere: true };
}
