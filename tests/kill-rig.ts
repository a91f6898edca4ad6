import { WebSocket } from "ws";
import { connectNats } from "#bus/nats.ts";
import type { Bus } from "#bus/port.ts";
import { NATS_CREDENTIALS } from "#bus/suite/nats-server.ts";
import { SEQ_HEADER, RUN_HEADER, TICK_HEADER } from "#contracts/message.ts";
import { EVENTS_PREFIX } from "#contracts/subjects.ts";
import { readRecordingSync } from "#recording/reader.ts";
import { ALL_SUBS } from "#services/gateway/test-rig.ts";
import { apiClient, type Served } from "./serve-rig.ts";

/** A console without a screen: it comes back by itself, and goes on where it was when the gateway still knows it. */
export interface Watcher {
  /** Newest tick and run of the telemetry shown. */
  readonly shown: { tick: number; run: string };
  readonly connections: number;
  /** The longest that it had nothing new to show, ms. */
  readonly silentMsMax: number;
  close(): void;
}

export function watchGateway(url: string): Watcher {
  const shown = { tick: -1, run: "" };
  let connections = 0;
  let silentMsMax = 0;
  let shownMs = performance.now();
  let isClosed = false;
  let socket: WebSocket | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const position = { epoch: "", seq: 0, batch: {} as Record<string, number> };

  function show(telemetry: Readonly<Record<string, { readonly v: unknown }>> | undefined): void {
    if (typeof telemetry?.tick?.v === "number") {
      shown.tick = telemetry.tick.v;
      silentMsMax = Math.max(silentMsMax, performance.now() - shownMs);
      shownMs = performance.now();
    }
    const run = telemetry?.run?.v as { readonly id?: string } | undefined;
    if (run?.id !== undefined) shown.run = run.id;
  }

  function receive(message: Readonly<Record<string, unknown>>): void {
    switch (message.t) {
      case "hello":
        connections += 1;
        position.epoch = message.epoch as string;
        return;
      case "snapshot":
        position.seq = message.seq as number;
        show((message.topics as { telemetry?: never }).telemetry);
        break;
      case "diff":
        position.seq = message.seq as number;
        show((message.ch as { telemetry?: { set: never } }).telemetry?.set);
        break;
      case "batch":
        position.batch[message.topic as string] = message.last as number;
        break;
      default:
        return;
    }
    socket?.send(JSON.stringify({ t: "ack", seq: position.seq, batch: position.batch }));
  }

  function connect(): void {
    const ws = new WebSocket(`${url.replace("http", "ws")}/ws`, "qiki.orion.1");
    socket = ws;
    ws.on("open", () => {
      const resume = position.epoch === "" ? {} : { resume: position };
      ws.send(JSON.stringify({ t: "hello", v: 1, client: "test", subs: ALL_SUBS, ...resume }));
    });
    ws.on("message", (data) => receive(JSON.parse((data as Buffer).toString("utf8")) as Record<string, unknown>));
    ws.on("error", () => {});
    ws.on("close", () => {
      if (!isClosed) timer = setTimeout(connect, 250);
    });
  }
  connect();
  return {
    shown,
    get connections() {
      return connections;
    },
    get silentMsMax() {
      return silentMsMax;
    },
    close() {
      isClosed = true;
      clearTimeout(timer);
      socket?.close();
    },
  };
}

export interface Traffic {
  /** Commands sent, and the ids of those that were acknowledged as applied. */
  readonly sent: number;
  readonly applied: ReadonlySet<string>;
  /** Ids of those that the console calls not sent. */
  readonly notSent: ReadonlySet<string>;
  readonly outcomes: Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

const APPLIED = ["APPLIED", "EFFECT_CONFIRMED", "EFFECT_MISSING"];
const NOT_SENT = "bus_unavailable";
const PAUSE_MS = 250;

/** Sends one command after another through the gateway, whatever becomes of them. */
export function startTraffic(url: string): Traffic {
  const applied = new Set<string>();
  const notSent = new Set<string>();
  const outcomes: Record<string, number> = {};
  let sent = 0;
  let isStopped = false;
  const done = (async () => {
    while (!isStopped) {
      sent += 1;
      const requestId = `kill-${process.pid}-${sent}`;
      const outcome = await sendOne(url, requestId, sent);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (APPLIED.includes(outcome)) applied.add(requestId);
      if (outcome === NOT_SENT) notSent.add(requestId);
      await new Promise((next) => setTimeout(next, PAUSE_MS));
    }
  })();
  return {
    get sent() {
      return sent;
    },
    applied,
    notSent,
    outcomes,
    async stop() {
      isStopped = true;
      await done;
    },
  };
}

async function sendOne(url: string, requestId: string, number: number): Promise<string> {
  try {
    const api = await apiClient(url);
    const parameters = { max_power_w: number % 100 };
    const answer = await api.send("power.nbl.set_max", parameters, { request_id: requestId, confirm: true }, "ack");
    return answer.stage ?? (answer as { code?: string }).code ?? "?";
  } catch {
    return "GATEWAY_AWAY";
  }
}

/** A message of a stream, as far as it is counted. */
export interface Counted {
  readonly subject: string;
  readonly run: string;
  readonly seq: number;
  readonly tick: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

/** Everything that a stream holds. */
export async function readStream(url: string, stream: string): Promise<readonly Counted[]> {
  const bus: Bus = await connectNats({ servers: [url], credentials: NATS_CREDENTIALS, nowMs: () => Date.now(), report: () => {} });
  try {
    const { lastSeq, messages } = await bus.streams.info(stream);
    const all: Counted[] = [];
    if (messages === 0) return all;
    for await (const { seq, subject, headers, bytes } of bus.consume(stream, { deliver: "all" })) {
      const payload = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>;
      const [run, number, tick] = [headers[RUN_HEADER] ?? "", Number(headers[SEQ_HEADER]), Number(headers[TICK_HEADER])];
      all.push({ subject, run, seq: number, tick, payload });
      if (seq >= lastSeq) break;
    }
    return all;
  } finally {
    await bus.close();
  }
}

/** Numbers missing between 1 and the largest of a run's messages on one subject, and how many came more than once. */
export function holes(messages: readonly Counted[], run: string, subject: string): { readonly missing: number; readonly twice: number } {
  const seqs = messages.filter((one) => one.run === run && one.subject === subject).map(({ seq }) => seq);
  const unique = new Set(seqs);
  const newest = seqs.reduce((most, seq) => Math.max(most, seq), 0);
  return { missing: newest - unique.size, twice: seqs.length - unique.size };
}

/** Of a recording: its rows, and the numbers missing or repeated between the first and the last message of each stream. */
export function recordedHoles(path: string): { readonly rows: number; readonly missing: number; readonly twice: number } {
  const taken = { events: [] as number[], radar: [] as number[] };
  let rows = 0;
  for (const { head } of readRecordingSync(path, { strict: false, data: "on_demand", onProblem: () => {} })) {
    rows += 1;
    if (head.stream_seq !== undefined) taken[head.subject.startsWith(EVENTS_PREFIX) ? "events" : "radar"].push(head.stream_seq);
  }
  let [missing, twice] = [0, 0];
  for (const seqs of Object.values(taken)) {
    const unique = new Set(seqs).size;
    twice += seqs.length - unique;
    if (seqs.length > 0) missing += seqs.at(-1)! - seqs[0]! + 1 - unique;
  }
  return { rows, missing, twice };
}

/** One figure of a process, summed over its labels that match. */
export async function figure({ url }: Pick<Served, "url">, name: string, labels = ""): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  let sum = 0;
  for (const line of text.split("\n"))
    if ((line.startsWith(`qiki_${name} `) || line.startsWith(`qiki_${name}{`)) && line.includes(labels))
      sum += Number(line.split(" ").at(-1));
  return sum;
}
