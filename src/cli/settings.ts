import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { QikiError } from "#base/error.ts";
import { isRaw, joinPath, type KeyReport, keyProblemText, type Raw, readObject, readValue } from "#base/key-reader.ts";
import { codeName, type KeySpec, type ValuesOf } from "#base/key-spec.ts";
import type { Places } from "#services/roles.ts";
import { parseYamlText } from "#services/yaml-text.ts";
import { readText } from "./read-file.ts";

/** A setting of the services: a key of the configuration file, and the variable that says the same, of several the first that is set (operations §10). */
type SettingSpec = KeySpec & { readonly env?: string | readonly string[] };

const LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
const PERIOD = { kind: "number", unit: "s", min: 1e-3, max: 1e6 } as const;
const PORT = { kind: "number", unit: "", integer: true, min: 0, max: 65_535 } as const;

const SUBJECT = { kind: "text" } as const;
const STREAM = { kind: "text", pattern: "^[A-Za-z0-9_-]{1,64}$", form: "1 to 64 letters, digits, _ or -" } as const;
const AGE = { kind: "number", unit: "s", min: 1, max: 1e9 } as const;
const COUNT = { kind: "number", unit: "", integer: true, min: 1, max: 1e6 } as const;
const SWITCH = { kind: "boolean", default: true } as const;

/** What one stream and its durables are called and limited to; the contract's own word where nothing is said. */
function streamKeys<Prefix extends "radar" | "events">(prefix: Prefix, env: string, stream: string) {
  return [
    { ...STREAM, key: `${prefix}_stream`, env: `${env}_STREAM`, about: `name of the stream ${stream}` },
    { ...COUNT, key: `${prefix}_max_bytes`, env: `${env}_MAX_BYTES`, about: "what it holds at most", unit: "B", max: 1e15 },
    { ...AGE, key: `${prefix}_max_age_s`, env: `${env}_MAX_AGE_SEC`, about: "how long it holds a message" },
    { ...AGE, key: `${prefix}_duplicate_window_s`, env: `${env}_DUPLICATE_WINDOW_SEC`, about: "how long it knows a message id" },
    { ...AGE, key: `${prefix}_ack_wait_s`, env: `${env}_CONSUMER_ACK_WAIT_SEC`, about: "its durables: how long a reader may take" },
    { ...COUNT, key: `${prefix}_max_deliver`, env: `${env}_CONSUMER_MAX_DELIVER`, about: "its durables: how often a message comes" },
    { ...COUNT, key: `${prefix}_max_ack_pending`, env: `${env}_CONSUMER_MAX_ACK_PENDING`, about: "its durables: how many may be out" },
  ] as const;
}

/** Every setting, by section of the file. Secrets are none of them: they come from the environment alone. */
export const SERVICE_SECTIONS = {
  data: [
    { kind: "text", key: "dir", env: "QIKI_DATA_DIR", about: "folder of everything that is kept", default: "./qiki-data" },
    { kind: "text", key: "store", env: "EVENTSTORE_DB_PATH", about: "audit chain and incidents; without it qiki.sqlite in the folder" },
  ],
  gateway: [
    { kind: "text", key: "host", env: "QIKI_HTTP_HOST", about: "address to listen on", default: "127.0.0.1" },
    { ...PORT, key: "port", env: "QIKI_HTTP_PORT", about: "port to listen on; without it 8420 or the next free one" },
    {
      kind: "word",
      key: "auth",
      about: "how people come in; without it by token if there is a tokens file named",
      words: ["local", "token"],
    },
    {
      kind: "word",
      key: "local_role",
      about: "role of whoever signs in by name",
      words: ["viewer", "operator", "supervisor"],
      default: "supervisor",
    },
    { kind: "texts", key: "hosts", about: "names that the gateway answers to beside this machine's", default: [] },
    { kind: "boolean", key: "behind_proxy", about: "a proxy stands before it and names the sender", default: false },
    { kind: "text", key: "tokens_file", env: "QIKI_TOKENS_FILE", about: "who may come in; without it tokens.json in the data folder" },
  ],
  health: [{ ...PORT, key: "port", env: "QIKI_HEALTH_PORT", about: "port of a role's health; without it 8421 to 8424 by role" }],
  nats: [{ kind: "text", key: "url", env: "NATS_URL", about: "server, several by commas", default: "nats://localhost:4222" }],
  bus: [
    { ...SUBJECT, key: "telemetry_subject", env: "SYSTEM_TELEMETRY_SUBJECT", about: "subject that stands for qiki.telemetry" },
    { ...SUBJECT, key: "responses_subject", env: "RESPONSES_CONTROL_SUBJECT", about: "subject that stands for qiki.responses.control" },
    { ...SUBJECT, key: "radar_frames_subject", env: "RADAR_FRAMES_SUBJECT", about: "subject that stands for qiki.radar.v1.frames" },
    { ...SUBJECT, key: "radar_lr_subject", env: "RADAR_LR_SUBJECT", about: "subject that stands for qiki.radar.v1.frames.lr" },
    { ...SUBJECT, key: "radar_sr_subject", env: "RADAR_SR_SUBJECT", about: "subject that stands for qiki.radar.v1.tracks.sr" },
    { ...SUBJECT, key: "radar_tracks_subject", env: "RADAR_TRACKS_SUBJECT", about: "subject that stands for qiki.radar.v1.tracks" },
    ...streamKeys("radar", "RADAR", "QIKI_RADAR_V1"),
    ...streamKeys("events", "EVENTS", "QIKI_EVENTS_V1"),
    { ...STREAM, key: "radar_frames_durable", env: "RADAR_FRAMES_DURABLE", about: "name of the durable radar_frames_pull" },
    { ...STREAM, key: "radar_tracks_durable", env: "RADAR_TRACKS_DURABLE", about: "name of the durable radar_tracks_pull" },
    { ...STREAM, key: "events_audit_durable", env: "EVENTS_AUDIT_DURABLE", about: "name of the durable events_audit_pull" },
    { ...AGE, key: "lag_period_s", env: "RADAR_LAG_MONITOR_INTERVAL_SEC", about: "how often the lag of durables is asked for", default: 5 },
    { ...SWITCH, key: "telemetry", env: "TELEMETRY_NATS_ENABLED", about: "whether the simulation sends telemetry over NATS" },
    { ...SWITCH, key: "events", env: "EVENTS_NATS_ENABLED", about: "whether it sends the craft's events over NATS" },
    { ...SWITCH, key: "radar", env: "RADAR_NATS_ENABLED", about: "whether it sends radar frames over NATS" },
    { ...SWITCH, key: "commands", env: "CONTROL_NATS_ENABLED", about: "whether it takes commands over NATS" },
  ],
  auth: [
    { kind: "word", key: "mode", about: "whether commands on the bus must be signed", words: ["open", "signed"], default: "open" },
    {
      kind: "word",
      key: "unsigned_role",
      about: "the most that an unsigned sender is",
      words: ["viewer", "operator", "supervisor"],
      default: "operator",
    },
    { kind: "text", key: "keys_file", env: "QIKI_COMMAND_KEYS_FILE", about: "keys of those who sign: {id: {role, key}}" },
  ],
  commands: [
    { kind: "boolean", key: "require_confirm", about: "commands with consequences need metadata.confirm on the bus too", default: false },
  ],
  rules: [
    { kind: "text", key: "incidents", env: "OPERATOR_CONSOLE_INCIDENT_RULES", about: "incident rules; without it those that come along" },
    {
      ...COUNT,
      key: "max_incidents",
      env: "OPERATOR_CONSOLE_MAX_EVENT_INCIDENTS",
      about: "incidents kept, 500 without it: above it the longest closed ones leave",
    },
    {
      kind: "number",
      key: "guard_cooldown_s",
      env: "RADAR_GUARD_PUBLISH_INTERVAL_S",
      about: "cooldown of guard rules without one of their own; below 0.1 it is 0.1",
      unit: "s",
      min: 0,
      max: 86_400,
    },
    {
      kind: "boolean",
      key: "publish_guards",
      env: "RADAR_GUARD_EVENTS_ENABLED",
      about: "whether guard events leave the tracker",
      default: true,
    },
  ],
  history: [
    {
      kind: "number",
      key: "keep_h",
      env: "EVENTSTORE_RETENTION_HOURS",
      about: "how long telemetry and marks are remembered",
      unit: "h",
      min: 0.1,
      max: 87_600,
      default: 24,
    },
    {
      kind: "number",
      key: "max_mib",
      env: "EVENTSTORE_MAX_DB_MB",
      about: "how large that may grow",
      unit: "MiB",
      min: 1,
      max: 1_048_576,
      default: 512,
    },
  ],
  record: [
    { kind: "number", key: "max_gib", about: "what recordings may take", unit: "GiB", min: 0.001, max: 1_048_576, default: 2 },
    {
      kind: "number",
      key: "segment_mib",
      about: "from which size on a recording goes on in a further file; at most a quarter of max_gib",
      unit: "MiB",
      min: 0.1,
      max: 1_048_576,
      default: 512,
    },
    { kind: "boolean", key: "compress", about: "whether recordings that nobody named are compressed (.jsonl.zst)", default: false },
    {
      kind: "text",
      key: "dir",
      env: "OPERATOR_CONSOLE_RECORD_DIR",
      about: "folder of recordings; without it recordings in the data folder",
    },
  ],
  sim: [
    { kind: "text", key: "profile", env: ["QIKI_BOT_CONFIG_PATH", "BOT_CONFIG_PATH"], about: "craft profile; over the scenario's word" },
    { kind: "word", key: "mode", env: "QIKI_MODE", about: "mode at the start", words: ["FACTORY", "MISSION"], default: "FACTORY" },
    { ...SWITCH, key: "events", env: "EVENTS_ENABLED", about: "whether the craft's events are sent at all" },
    {
      ...PERIOD,
      key: "telemetry_period_s",
      env: "TELEMETRY_INTERVAL_SEC",
      about: "simulated time between telemetry messages; over the scenario's word",
    },
    {
      ...PERIOD,
      key: "events_period_s",
      env: "EVENTS_INTERVAL_SEC",
      about: "simulated time between periodic events; over the scenario's word",
    },
  ],
  radar: [
    {
      kind: "boolean",
      key: "enabled",
      env: "RADAR_ENABLED",
      about: "whether the radar is asked for at the start; over the scenario's word",
    },
    {
      kind: "number",
      key: "sr_threshold_m",
      env: "RADAR_SR_THRESHOLD_M",
      about: "where short range ends; over the scenario's word",
      unit: "m",
      min: 0,
      max: 1e8,
      minExclusive: true,
    },
    {
      kind: "text",
      key: "transponder_id",
      env: "RADAR_TRANSPONDER_ID",
      about: "own transponder id; without it the run makes one",
      pattern: "^\\S{1,64}$",
      form: "1 to 64 characters without a space",
    },
  ],
  log: [{ kind: "word", key: "level", env: "LOG_LEVEL", about: "how much is logged", words: LEVELS, default: "warn" }],
} as const satisfies Readonly<Record<string, readonly SettingSpec[]>>;

type Sections = typeof SERVICE_SECTIONS;
/** Values in force, by section. */
export type ServiceSettings = { readonly [Name in keyof Sections]: ValuesOf<Sections[Name]> };

/** One setting with where its value comes from. */
export interface SettingRow {
  readonly key: string;
  readonly value: unknown;
  readonly origin: string;
  readonly about: string;
}

export interface LoadedSettings {
  readonly values: ServiceSettings;
  readonly rows: readonly SettingRow[];
  /** The file that was read, undefined without one. */
  readonly file: string | undefined;
}

/** Read when nothing else is named, if it is there. */
const DEFAULT_FILE = "qiki.yaml";

/**
 * Settings from the environment over the file over what is given without either; every problem is told at once.
 * @throws QikiError `config_invalid`, `file_unreadable`
 */
export function loadSettings(named: string | undefined, env: NodeJS.ProcessEnv = process.env): LoadedSettings {
  const file = named === undefined ? (existsSync(DEFAULT_FILE) ? resolve(DEFAULT_FILE) : undefined) : resolve(named);
  const given = file === undefined ? {} : readFile(file);
  const problems: string[] = [];
  const rows: SettingRow[] = [];
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(given).filter((one) => !Object.hasOwn(SERVICE_SECTIONS, one)))
    problems.push(`${file}: ${name}: unknown section, expected one of ${Object.keys(SERVICE_SECTIONS).join(", ")}`);
  for (const [name, specs] of Object.entries(SERVICE_SECTIONS) as [string, readonly SettingSpec[]][]) {
    const section = sectionOf(given[name], name, file, problems);
    const fromFile = readObject(specs, section, name, "refused", reportTo(problems, file ?? ""));
    const read: Record<string, unknown> = {};
    for (const spec of specs) {
      const variable = [spec.env ?? []].flat().find((one) => env[one] !== undefined);
      const isInFile = section[spec.key] !== undefined;
      const value = variable === undefined ? fromFile[codeName(spec.key)] : fromText(spec, variable, env[variable]!, problems);
      read[codeName(spec.key)] = value;
      const origin = variable ?? (isInFile ? file! : "default");
      rows.push({ key: joinPath(name, spec.key), value: value ?? null, origin, about: spec.about ?? "" });
    }
    values[name] = read;
  }
  if (problems.length > 0) throw new QikiError("config_invalid", problems.join("\n"));
  return { values: values as ServiceSettings, rows, file };
}

let named: string | undefined;
let loaded: LoadedSettings | undefined;

/** Says which file the program was given. */
export function useConfiguration(file: string | undefined): void {
  named = file;
  loaded = undefined;
}

/** The settings of this process, read at first use. @throws QikiError as `loadSettings` */
export function settings(): ServiceSettings {
  return loadedSettings().values;
}

/** The same with where each value comes from. */
export function loadedSettings(): LoadedSettings {
  return (loaded ??= loadSettings(named));
}

/** The data folder: where everything is kept unless a flag says otherwise. */
export function dataFolder(flag: string | undefined): string {
  return resolve(flag ?? settings().data.dir);
}

/** What the settings place outside the data folder. */
export function places(): Places {
  const { data, record } = settings();
  const at = (path: string | undefined): string | undefined => (path === undefined ? undefined : resolve(path));
  return { store: at(data.store), recordings: at(record.dir) };
}

function readFile(path: string): Raw {
  const parsed = parseYamlText(readText(path, "configuration file"));
  if ("problems" in parsed) throw new QikiError("config_invalid", `${path} is not YAML: ${parsed.problems[0]!.message}`);
  if (parsed.value === null || parsed.value === undefined) return {};
  if (isRaw(parsed.value)) return parsed.value;
  throw new QikiError("config_invalid", `${path} is not a mapping of sections such as gateway and record`);
}

function sectionOf(given: unknown, name: string, file: string | undefined, problems: string[]): Raw {
  if (given === undefined || given === null) return {};
  if (isRaw(given)) return given;
  problems.push(`${file}: ${name}: got ${JSON.stringify(given)}, expected a mapping of settings`);
  return {};
}

function reportTo(problems: string[], where: string): KeyReport {
  return (code, path, got, expected) => {
    problems.push(`${where}: ${path}: ${keyProblemText(code, got, expected)}`);
  };
}

/** A variable's text as the value that its key takes. */
function fromText(spec: SettingSpec, name: string, text: string, problems: string[]): unknown {
  const report: KeyReport = (code, _path, _got, expected) => {
    problems.push(`${name}: ${keyProblemText(code, text, expected)}`);
  };
  return readValue(spec, typedText(spec, text), name, report);
}

function typedText(spec: SettingSpec, text: string): unknown {
  switch (spec.kind) {
    case "number":
      return text.trim() === "" ? text : Number(text);
    case "boolean": {
      const word = text.toLowerCase();
      return word === "1" || word === "true" ? true : word === "0" || word === "false" ? false : text;
    }
    case "texts":
      return text.split(",").map((one) => one.trim());
    default:
      return text;
  }
}
