import { afterEach, expect, test } from "vitest";
import { STREAMS } from "#contracts/streams.ts";
import { EVENTS_PREFIX, SUBJECTS } from "#contracts/subjects.ts";
import { cleanUp, startRig } from "./gateway-rig.ts";

afterEach(cleanUp);

test("BUS-024 reset - the same ticks again within the window of repeats are other messages: every one is stored", async () => {
  const rig = await startRig({ running: true });
  const cookie = await rig.login("anna");
  const send = async (name: string): Promise<void> => {
    const { body } = await rig.post("/api/commands/arm", { command_name: name, parameters: {} }, { cookie });
    await rig.post("/api/commands", { command_name: name, confirm: true, arm_token: body.arm_token }, { cookie });
    await rig.clock.advanceSettled(0);
  };
  const events = (): number => rig.heard.filter(({ subject }) => subject.startsWith(EVENTS_PREFIX)).length;
  const stored = async (): Promise<number> => (await rig.twin.bus.streams.info(STREAMS.events.name)).messages;
  await rig.clock.advanceSettled(10_000);
  const before = { heard: events(), stored: await stored() };
  await send("sim.reset");
  await rig.post("/api/commands", { command_name: "sim.start", parameters: {} }, { cookie });
  await rig.clock.advanceSettled(10_000);
  const [heard, kept] = [events() - before.heard, (await stored()) - before.stored];
  expect(heard).toBeGreaterThan(40);
  expect(kept).toBe(heard);
  const ticks = rig.heard.flatMap(({ subject, payload }) => (subject === SUBJECTS.powerBus ? [payload.tick as number] : []));
  expect(ticks.filter((tick) => tick === 50)).toHaveLength(2);
});

test("BUS-025 two consoles - both get all tracks", async () => {
  const rig = await startRig({ running: true, scenario: "scenarios/default.yaml" });
  const subs = [{ topic: "tracks", mode: "latest", hz: 30 }];
  const [anna, boris] = [await rig.console({ subs }), await rig.console({ subs })];
  await rig.clock.advanceSettled(15_000);
  const shown = (console_: typeof anna): string[] => {
    const ids = new Set<string>();
    for (const message of console_.received) {
      const topics = (message.topics ?? {}) as { readonly tracks?: object };
      const change = ((message.ch ?? {}) as { readonly tracks?: { readonly set?: object } }).tracks?.set ?? {};
      for (const id of [...Object.keys(topics.tracks ?? {}), ...Object.keys(change)]) ids.add(id);
    }
    return [...ids].sort();
  };
  const published = new Set(
    rig.heard.flatMap(({ subject, payload }) => (subject === SUBJECTS.radarTracks ? [payload.track_id as string] : [])),
  );
  expect(published.size).toBeGreaterThanOrEqual(3);
  await expect
    .poll(async () => {
      await rig.clock.advanceSettled(100);
      return [shown(anna), shown(boris)];
    })
    .toEqual([[...published].sort(), [...published].sort()]);
});
