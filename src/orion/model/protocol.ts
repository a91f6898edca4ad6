import type { CommandSpec, Role } from "#contracts/command-catalogue.ts";

/** Messages of the gateway's stream (console §2.3), as far as this console reads them. */
export interface Timed {
  readonly age_ms: number;
  readonly v: unknown;
}

export type Topics = Readonly<Record<string, Readonly<Record<string, Timed>>>>;

export type TopicChanges = Readonly<Record<string, { readonly set: Readonly<Record<string, Timed>>; readonly del: readonly string[] }>>;

/** Which run of which twin the console watches. */
export interface RunIdentity {
  readonly id: string;
  readonly seed: number;
  readonly tick_ms: number;
  readonly epoch: string;
}

export type ServerMessage =
  | {
      readonly t: "hello";
      readonly v: 1;
      readonly epoch: string;
      readonly seq: number;
      readonly resumed: boolean;
      readonly runtime: string;
      readonly me: { readonly name: string; readonly role: Role };
      readonly run: RunIdentity | null;
      readonly cfg: { readonly telemetry_period_s: number; readonly events_period_s: number } | null;
    }
  | { readonly t: "snapshot"; readonly seq: number; readonly tick: number | null; readonly topics: Topics }
  | {
      readonly t: "diff";
      readonly prev: number;
      readonly seq: number;
      readonly tick: number | null;
      readonly ch: TopicChanges;
    }
  | { readonly t: "batch"; readonly topic: string; readonly first: number; readonly last: number; readonly items: readonly unknown[] }
  | {
      readonly t: "gap";
      readonly topic: string;
      readonly first: number;
      readonly last: number;
      readonly count: number;
      readonly reason: string;
    }
  | {
      readonly t: "hb";
      readonly seq: number;
      readonly wall: string;
      readonly src_age_ms: Readonly<Record<string, number>>;
      readonly lost: { readonly upstream: number; readonly client: number; readonly refused: number };
    }
  | { readonly t: "error"; readonly code: string; readonly detail: string }
  | { readonly t: "bye"; readonly code: string }
  | { readonly t: "pong"; readonly seq: number };

/** Members that a message must have to be followed, and how to tell. */
const MEMBERS: Readonly<Record<ServerMessage["t"], Readonly<Record<string, "number" | "string" | "boolean" | "object">>>> = {
  hello: { epoch: "string", seq: "number", resumed: "boolean", me: "object" },
  snapshot: { seq: "number", topics: "object" },
  diff: { prev: "number", seq: "number", ch: "object" },
  batch: { topic: "string", first: "number", last: "number", items: "object" },
  gap: { topic: "string", first: "number", last: "number" },
  hb: { seq: "number", src_age_ms: "object", lost: "object" },
  error: { code: "string" },
  bye: { code: "string" },
  pong: {},
};

/** A message of the gateway, or undefined when it is none that this console can follow. */
export function readServerMessage(text: string): ServerMessage | undefined {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof message !== "object" || message === null) return undefined;
  const record = message as Readonly<Record<string, unknown>>;
  if (typeof record.t !== "string" || !Object.hasOwn(MEMBERS, record.t)) return undefined;
  const members = Object.entries(MEMBERS[record.t as ServerMessage["t"]]);
  const fits = members.every(([name, type]) => typeof record[name] === type && record[name] !== null);
  return fits ? (message as ServerMessage) : undefined;
}

/** Updates of tracks a second at most; the newest of each comes through. */
export const TRACKS_HZ = 5;

const TOPICS = [
  { topic: "telemetry", mode: "latest", hz: 10 },
  { topic: "tracks", mode: "latest", hz: TRACKS_HZ },
  { topic: "guards", mode: "latest", hz: 2 },
  { topic: "incidents", mode: "latest", hz: 10 },
  { topic: "commands", mode: "latest", hz: 10 },
  { topic: "system", mode: "latest", hz: 2 },
  { topic: "replay", mode: "latest", hz: 10 },
  { topic: "events", mode: "batch", flush_ms: 200 },
  { topic: "audit", mode: "batch", flush_ms: 200 },
] as const;

/** What is shown now, or `replay:ID`. */
export type SourceName = "live" | `replay:${string}`;

/** Everything that this console reads of a source. */
export function subscriptionsTo(src: SourceName): readonly object[] {
  return TOPICS.map((one) => ({ ...one, src }));
}

/** Answer of `/api/catalog`. */
export interface Catalogue {
  readonly commands: readonly CommandSpec[];
  readonly limits: (Readonly<Record<string, number>> & { readonly ports: readonly string[] }) | null;
}
