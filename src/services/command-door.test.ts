import { expect, test } from "vitest";
import type { Tick } from "#base/units.ts";
import { openInProcessBroker } from "#bus/in-process.ts";
import { type Ack, ackOf } from "#contracts/ack.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import type { CommandDedup } from "#store/command-dedup.ts";
import { systemClock } from "./clock.ts";
import { type Arrival, type Handled, openCommandDoor } from "./command-door.ts";

const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

/** A door before an owner that counts its commands and breaks down where it is told to. */
function openCounter(dedup: CommandDedup): {
  acks: Ack[];
  faults: string[];
  state: { count: number };
  send: (parameters: object) => Promise<void>;
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
    unsignedRole: "operator",
    keys: new Map(),
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
