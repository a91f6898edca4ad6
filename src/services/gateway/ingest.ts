import type { z } from "zod";
import { utf8Decode } from "#base/utf8.ts";
import type { Bus, LastValueChange, Msg } from "#bus/port.ts";
import { RUN_HEADER } from "#contracts/message.ts";
import { parseRadarTrack, type RadarFrameWire } from "#contracts/radar.ts";
import { SUBJECT_SCHEMAS } from "#contracts/messages.ts";
import { INCIDENT_KEY_PREFIX, META_KEY_PREFIX, STATE_BUCKET, STATE_KEYS } from "#contracts/streams.ts";
import { EVENTS_PATTERN, EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { CommandDesk } from "./command-desk.ts";
import type { Hub } from "./hub.ts";
import { createLossWatch, type TelemetryMoment } from "./loss-watch.ts";
import { createRadarIntake, tickOf } from "./radar-intake.ts";

/** What the gateway has read off the bus, beside what it put into the hub. */
export interface Ingest {
  losses(): { readonly upstream: number; readonly refused: number };
  /** Age of the newest message of each source topic, ms. */
  sourceAges(): Record<string, number>;
  /** The run record of the sim: identity, settings, limits. */
  run(): Readonly<Record<string, unknown>> | undefined;
  stop(): void;
}

/** What comes for the hub, from a bus or from a recording. */
export interface Intake extends Omit<Ingest, "stop"> {
  /** Takes a message of one of the subjects that consoles are shown; another one changes nothing. */
  take(msg: Pick<Msg, "subject" | "bytes" | "headers">): void;
  lastValue(change: LastValueChange): void;
}

export interface IngestOptions extends IntakeOptions {
  readonly bus: Bus;
}

export interface IntakeOptions {
  readonly clock: Clock;
  readonly hub: Hub;
  readonly log: Log;
  readonly desk: Pick<CommandDesk, "ack" | "effect">;
}

type Payload = Readonly<Record<string, unknown>>;

/** Keys of the bucket that consoles know by a shorter name. */
const SYSTEM_NAMES: Readonly<Record<string, string>> = { [STATE_KEYS.systemMode]: "mode" };
const SUBSCRIPTION_NAMES = ["gateway.telemetry", "gateway.events", "gateway.responses", "gateway.tracks", "gateway.frames"] as const;

type Message = Pick<Msg, "subject" | "bytes" | "headers">;

/** Carries telemetry, radar, events, answers and last values into the hub; what breaks its contract is refused and counted. */
export function createIntake({ clock, hub, log, desk }: IntakeOptions): Intake {
  const losses = createLossWatch();
  const radar = createRadarIntake(hub, clock);
  const lastAtMs: { telemetry?: number; events?: number; tracks?: number; frames?: number } = {};
  let refused = 0;
  let run: Payload | undefined;

  /** The payload, or undefined when it must not be shown. */
  function read({ subject, bytes }: Message): Payload | undefined {
    const payload = parsed(bytes);
    const schema: z.ZodType | undefined = SUBJECT_SCHEMAS[subject];
    if (isRecord(payload) && schema?.safeParse(payload).success !== false) return payload;
    return refuse(subject);
  }

  function refuse(subject: string): undefined {
    refused += 1;
    log.warn({ subject }, "a message broke its contract and is not shown");
  }

  function track(msg: Message): void {
    losses.note(msg.subject, msg.headers);
    // Older senders spell some keys otherwise.
    const read = parseRadarTrack(parsed(msg.bytes));
    if (read.kind === "refused") return refuse(msg.subject);
    lastAtMs.tracks = clock.monotonicMs();
    radar.track(read.value, msg.headers[RUN_HEADER]);
  }

  function frame(msg: Message): void {
    losses.note(msg.subject, msg.headers);
    const payload = read(msg);
    if (payload === undefined) return;
    lastAtMs.frames = clock.monotonicMs();
    radar.frame(payload as RadarFrameWire, msg.headers);
    hub.append("frames", { subject: msg.subject, tick: tickOf(msg.headers), run: msg.headers[RUN_HEADER] ?? null, payload });
  }

  function telemetry(msg: Message): void {
    const isNumbered = losses.note(msg.subject, msg.headers);
    const payload = read(msg);
    if (payload === undefined) return;
    if (!isNumbered) losses.noteTelemetry(momentOf(payload), periodTicks());
    lastAtMs.telemetry = clock.monotonicMs();
    hub.tick = payload.tick as number;
    for (const key of hub.entries("telemetry").keys()) if (!(key in payload)) hub.delete("telemetry", key);
    for (const [key, value] of Object.entries(payload)) hub.set("telemetry", key, value);
  }

  function periodTicks(): number | undefined {
    const { telemetry_period_s: periodS, tick_ms: tickMs } = run ?? {};
    return typeof periodS === "number" && typeof tickMs === "number" ? Math.round((periodS * 1000) / tickMs) : undefined;
  }

  function event(msg: Message): void {
    losses.note(msg.subject, msg.headers);
    const payload = read(msg);
    if (payload === undefined) return;
    lastAtMs.events = clock.monotonicMs();
    const item = { subject: msg.subject, tick: payload.tick ?? null, run: msg.headers[RUN_HEADER] ?? null, payload };
    hub.append("events", item);
    if (msg.subject === SUBJECTS.audit || msg.subject === SUBJECTS.operatorIncidents) hub.append("audit", item);
    if (msg.subject === SUBJECTS.radarSensor) hub.set("system", "radar_sensor", payload);
    if (msg.subject === SUBJECTS.radarTracker) radar.status(payload, msg.headers[RUN_HEADER]);
    if (msg.subject === SUBJECTS.audit && payload.kind === "command_effect") desk.effect(payload);
  }

  function answer(msg: Message): void {
    const payload = read(msg);
    if (payload !== undefined) desk.ack(payload);
  }

  function lastValue({ key, bytes }: LastValueChange): void {
    if (key.startsWith(META_KEY_PREFIX)) return;
    const value = bytes === undefined ? null : parsed(bytes);
    if (value === undefined) {
      refused += 1;
      log.warn({ key }, "a last value is not JSON and is not shown");
      return;
    }
    if (key === STATE_KEYS.guards) {
      if (!radar.rules(value)) refuse(key);
      return;
    }
    const isIncident = key.startsWith(INCIDENT_KEY_PREFIX);
    const topic = isIncident ? "incidents" : "system";
    const name = isIncident ? Buffer.from(key.slice(INCIDENT_KEY_PREFIX.length), "base64url").toString("utf8") : (SYSTEM_NAMES[key] ?? key);
    if (value === null) hub.delete(topic, name);
    else hub.set(topic, name, value);
    if (key !== STATE_KEYS.run) return;
    run = isRecord(value) ? value : undefined;
    if (typeof run?.run_id === "string") radar.run(run.run_id);
  }

  function take(msg: Message): void {
    switch (msg.subject) {
      case SUBJECTS.telemetry:
        return telemetry(msg);
      case SUBJECTS.radarTracks:
        return track(msg);
      case SUBJECTS.radarFrames:
        return frame(msg);
      case SUBJECTS.responses:
        return answer(msg);
      default:
        if (msg.subject.startsWith(EVENTS_PREFIX)) event(msg);
    }
  }

  return {
    take,
    lastValue,
    losses: () => ({ upstream: losses.lost, refused }),
    sourceAges() {
      const nowMs = clock.monotonicMs();
      return Object.fromEntries(Object.entries(lastAtMs).map(([topic, atMs]) => [topic, Math.round(nowMs - atMs)]));
    },
    run: () => run,
  };
}

/** Takes in what the bus carries. */
export function startIngest({ bus, ...options }: IngestOptions): Ingest {
  const intake = createIntake(options);
  let stopped = false;

  async function watchLastValues(): Promise<void> {
    for await (const change of bus.lastValue(STATE_BUCKET).watch("", { existing: true })) {
      if (stopped) return;
      intake.lastValue(change);
    }
  }

  const [telemetryName, eventsName, responsesName, tracksName, framesName] = SUBSCRIPTION_NAMES;
  const subscriptions = (
    [
      [SUBJECTS.telemetry, telemetryName],
      [EVENTS_PATTERN, eventsName],
      [SUBJECTS.radarTracks, tracksName],
      [SUBJECTS.radarFrames, framesName],
      [SUBJECTS.responses, responsesName],
    ] as const
  ).map(([pattern, name]) => bus.subscribe(pattern, intake.take, { name, overflow: "drop_oldest" }));
  watchLastValues().catch((error: unknown) => {
    if (!stopped) options.log.error({ err: error }, "the gateway no longer hears of last values: restart it");
  });

  return {
    ...intake,
    // Telemetry, radar and events that were dropped here leave a hole in their numbering; answers have none.
    losses() {
      const { upstream, refused } = intake.losses();
      return { upstream: upstream + (bus.counts().dropped[responsesName] ?? 0), refused };
    },
    stop() {
      stopped = true;
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

function momentOf(payload: Payload): TelemetryMoment {
  const run = payload.run as { readonly id?: string } | undefined;
  const state = payload.sim_state as { readonly fsm_state?: string } | undefined;
  return { run: run?.id, tick: payload.tick as number, isRunning: state?.fsm_state === "RUNNING" };
}

/** The JSON value in the bytes, undefined when there is none. */
function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decode(bytes) ?? "");
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Payload {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
