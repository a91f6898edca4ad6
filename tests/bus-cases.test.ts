import { afterEach, expect, test } from "vitest";
import type { Bus } from "#bus/port.ts";
import { RUN_HEADER } from "#contracts/message.ts";
import { STREAMS } from "#contracts/streams.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { cleanUpRigs, startRig } from "./service-rig.ts";

afterEach(cleanUpRigs);

/** Messages of a subject that a stream holds, by run. */
async function storedByRun(bus: Bus, stream: string, subject: string): Promise<ReadonlyMap<string, number>> {
  const { lastSeq } = await bus.streams.info(stream);
  const counts = new Map<string, number>();
  for await (const { seq, subject: own, headers } of bus.consume(stream, { deliver: "all" })) {
    const run = headers[RUN_HEADER] ?? "";
    if (own === subject) counts.set(run, (counts.get(run) ?? 0) + 1);
    if (seq >= lastSeq) break;
  }
  return counts;
}

test("BUS-024 reset - the same ticks again within the window of deduplication: every message of the new run is stored", async () => {
  const rig = await startRig({ running: true });
  await rig.clock.advance(20_000);
  const first = rig.sim.machine.runId;
  expect((await rig.signed("sim.reset")).ok).toBe(true);
  expect((await rig.command("sim.start")).ok).toBe(true);
  await rig.clock.advance(20_000);
  const second = rig.sim.machine.runId;
  expect(second).not.toBe(first);
  for (const subject of [SUBJECTS.powerBus, SUBJECTS.thermal]) {
    const counts = await storedByRun(rig.bus, STREAMS.events.name, subject);
    // One a second; the first run also has that of its boot.
    expect([subject, counts.get(first), counts.get(second)]).toEqual([subject, 21, 20]);
    expect(rig.events.filter((event) => event.subject === subject)).toHaveLength(41);
  }
  const frames = await storedByRun(rig.bus, STREAMS.radar.name, SUBJECTS.radarFrames);
  expect(frames.get(second)).toBe(frames.get(first));
});
