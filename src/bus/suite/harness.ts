import { test as base, vi } from "vitest";
import { utf8Decode, utf8Encode } from "#base/utf8.ts";
import type { StreamDefinition } from "#contracts/streams.ts";
import type { Bus, BusReport, StreamMsg } from "../port.ts";

/** One bus under test, whatever carries it. */
export interface BusHarness {
  connect(options?: { readonly prefix?: string }): Promise<Bus>;
  /** Stops everything and starts it again on the same storage; earlier connections are closed. */
  restart(): Promise<void>;
  /** Lets the bus's wall clock run on where that is in the test's hands; elsewhere the caller waits for the effect. */
  passTime(ms: number): void;
  /** All reports of all connections. */
  readonly reports: readonly BusReport[];
  close(): Promise<void>;
}

export type MakeHarness = () => Promise<BusHarness>;

/** A test with a harness of its own that is closed whatever happens. */
export function busTest(makeHarness: MakeHarness, title: string, body: (harness: BusHarness, bus: Bus) => Promise<void>): void {
  base(title, async () => {
    const harness = await makeHarness();
    try {
      await body(harness, await harness.connect());
    } finally {
      await harness.close();
    }
  });
}

export function bytesOf(text: string): Uint8Array {
  return utf8Encode(text);
}

export function textOf(msg: { readonly bytes: Uint8Array | undefined } | undefined): string | undefined {
  return msg?.bytes === undefined ? undefined : utf8Decode(msg.bytes);
}

export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/** Waits until the assertion holds. */
export async function eventually(assertion: () => void | Promise<void>): Promise<void> {
  await vi.waitFor(assertion, { timeout: 10_000, interval: 5 });
}

/** A stream of tests: small limits, and a short window where the clock is real. */
export function streamOf(name: string, subjects: readonly string[], changes: Partial<StreamDefinition> = {}): StreamDefinition {
  return { name, subjects, maxAgeMs: 3_600_000, maxBytes: 1_048_576, dedupWindowMs: 1_000, ...changes };
}

/** Publishes the numbers as texts and waits until they are stored. */
export async function store(bus: Bus, subject: string, from: number, to: number): Promise<void> {
  for (const number of numbers(from, to)) bus.publish(subject, bytesOf(String(number)));
  await bus.barrier(5_000);
}

/** The next messages of a loop, acknowledged when asked. */
export async function take(messages: AsyncIterator<StreamMsg>, count: number, settle?: "ack"): Promise<StreamMsg[]> {
  const taken: StreamMsg[] = [];
  while (taken.length < count) {
    const { value, done } = await messages.next();
    if (done === true) break;
    if (settle === "ack") value.ack();
    taken.push(value);
  }
  return taken;
}

/** A promise and the hand that opens it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
