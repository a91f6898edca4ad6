import { expect, test } from "vitest";
import type { Tick } from "#base/units.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { type Ack, ackOf } from "#contracts/ack.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { CommandDedup } from "#store/command-dedup.ts";
import { systemClock } from "./clock.ts";
import { type Arrival, type CommandPolicy, type Handled, openCommandDoor } from "./command-door.ts";
import { type CommandKeys, signCommand } from "./command-signature.ts";

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

/** A door before an owner that counts its commands and breaks down where it is told to. */
function openCounter(
  dedup: CommandDedup,
  { policy, keys = new Map() }: { readonly policy?: CommandPolicy; readonly keys?: CommandKeys } = {},
): {
  acks: Ack[];
  faults: string[];
  state: { count: number };
  send: (parameters: object) => Promise<void>;
  /** A message with metadata, signed where a key is given. */
  sendAs: (name: string, metadata: object, key?: string) => Promise<void>;
} {
  const broker = openInProcessBroker({ nowMs: () => Date.now(), report: () => {} });
  const bus = broker.connect();
  const acks: Ack[] = [];
  const faults: string[] = [];
  const state = { count: 0 };
  bus.subscribe(SUBJECTS.responses, (msg) => void acks.push(JSON.parse(Buffer.from(msg.bytes).toString("utf8")) as Ack), { name: "test" });
  function handle(arrival: Arrival): Handled {
    if (arrival.kind === "malformed") throw new Error("not sent here");
    const context = {
      name: arrival.command.name,
      requestId: arrival.command.requestId,
      timeMs: 0,
      tick: 1 as Tick,
      order: 0,
      runId: "run" as never,
    };
    if (arrival.refusal === undefined) state.count += 1;
    if (arrival.refusal === undefined && arrival.command.parameters.speed === 13) throw new Error("thirteen");
    return { ack: ackOf(context, arrival.refusal), publishRest: () => {} };
  }
  openCommandDoor({
    bus,
    clock: systemClock,
    owner: "sim",
    dedup,
    keys,
    policy,
    handle,
    saveState() {
      const { count } = state;
      return () => {
        state.count = count;
      };
    },
    onFault: (error, name) => faults.push(`${name}: ${(error as Error).message}`),
  });
  return {
    acks,
    faults,
    state,
    async send(parameters) {
      const message = { command_name: "sim.start", parameters, metadata: { message_id: `id-${JSON.stringify(parameters)}` } };
      bus.publish(SUBJECTS.commands, Buffer.from(JSON.stringify(message)));
      await settle();
    },
    async sendAs(name, metadata, key) {
      const message = { command_name: name, parameters: {}, metadata };
      const signature = key === undefined ? {} : { signature: signCommand(message, key) };
      bus.publish(SUBJECTS.commands, Buffer.from(JSON.stringify({ ...message, metadata: { ...metadata, ...signature } })));
      await settle();
    },
  };
}

const FORGETFUL: CommandDedup = { find: () => undefined, put: () => {} };

test("CMD-035 exception - a command that breaks down halfway changes nothing, is answered once, and the next one works", async () => {
  const { acks, faults, state, send } = openCounter(FORGETFUL);
  await send({ speed: 1 });
  await send({ speed: 13 });
  expect(state.count).toBe(1);
  expect(faults).toEqual(["sim.start: thirteen"]);
  await send({ speed: 2 });
  expect(state.count).toBe(2);
  expect(acks.map(({ ok, error, payload }) => ({ ok, error, status: payload.status }))).toEqual([
    { ok: true, error: undefined, status: "applied" },
    { ok: false, error: "exception", status: expect.stringMatching(/^exception: .*thirteen/) as string },
    { ok: true, error: undefined, status: "applied" },
  ]);
});

test("CMD-009 repeat - an answer that could not be remembered is given all the same", async () => {
  const full: CommandDedup = {
    find: () => undefined,
    put() {
      throw new Error("database or disk is full");
    },
  };
  const { acks, faults, send } = openCounter(full);
  await send({ speed: 1 });
  expect(acks.map((ack) => ack.ok)).toEqual([true]);
  expect(faults).toEqual(["sim.start: database or disk is full"]);
});

const OPEN = { requiresSignature: false, unsignedRole: "operator", requiresConfirm: false } as const;
const outcome = ({ ok, error_detail: detail }: Ack): unknown => (ok ? "ok" : detail?.code);

test("CMD-031 policy - where every command must be signed, one without a signature is refused, one by a key is not", async () => {
  const keys = new Map([["ops", { role: "supervisor" as const, key: "a key of this test, long enough" }]]);
  const { acks, sendAs } = openCounter(FORGETFUL, { policy: { ...OPEN, requiresSignature: true }, keys });
  await sendAs("sim.start", { message_id: "a" });
  await sendAs("sim.start", { message_id: "b", key_id: "ops" }, keys.get("ops")!.key);
  await sendAs("sim.start", { message_id: "c", key_id: "ops" }, "another key");
  expect(acks.map(outcome)).toEqual(["not_authorized", "ok", "not_authorized"]);
  expect(acks[0]!.error_detail!.message).toContain("sim.start is not signed");
});

test("CMD-030 policy - an unsigned sender is no more than the policy says, whatever it claims", async () => {
  const { acks, sendAs } = openCounter(FORGETFUL, { policy: { ...OPEN, unsignedRole: "viewer" } });
  await sendAs("sim.start", { message_id: "a", actor: { id: "eve", role: "supervisor" } });
  expect(acks.map(outcome)).toEqual(["not_authorized"]);
  const trusting = openCounter(FORGETFUL, { policy: { ...OPEN, unsignedRole: "supervisor" } });
  await trusting.sendAs("system.mode", { message_id: "a" });
  expect(trusting.acks.map(outcome)).toEqual(["ok"]);
});

test("policy - where it is asked for, a command with consequences needs its confirmation on the bus too", async () => {
  const { acks, sendAs } = openCounter(FORGETFUL, { policy: { ...OPEN, requiresConfirm: true } });
  await sendAs("power.dock.off", { message_id: "a" });
  await sendAs("power.dock.off", { message_id: "b", confirm: true });
  await sendAs("sim.start", { message_id: "c" });
  expect(acks.map(outcome)).toEqual(["invalid_parameter", "ok", "ok"]);
  expect(acks[0]!.error_detail!.details).toMatchObject({ field: "metadata.confirm", given: null, expected: "true" });
});
