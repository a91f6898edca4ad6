import { afterEach, expect, test } from "vitest";
import { openInProcessBroker } from "#bus/in-process.ts";
import { SUBJECTS } from "#contracts/subjects.ts";
import { manualClock, settle } from "./gateway/test-rig.ts";
import { type Pulse, startPulse } from "./pulse.ts";

let close: (() => Promise<void>) | undefined;
afterEach(async () => close?.());

/** A pulse that has heard two messages, so much simulated time apart, and then nothing for `ageMs`. */
async function pulseAfter(ageMs: number, speed: number, state = "RUNNING", periodMs = 1000): Promise<Pulse> {
  const clock = manualClock();
  const broker = openInProcessBroker({ nowMs: () => clock.nowMs(), report: () => {} });
  close = () => broker.close();
  const bus = broker.connect();
  const pulse = startPulse(bus, clock);
  for (const timeMs of [0, periodMs]) {
    bus.publish(SUBJECTS.telemetry, Buffer.from(JSON.stringify({ ts_unix_ms: timeMs, sim_state: { fsm_state: state, speed } })));
    await settle();
  }
  clock.advance(ageMs);
  return pulse;
}

test("readiness - before the first telemetry it says so", async () => {
  const broker = openInProcessBroker({ nowMs: () => 0, report: () => {} });
  close = () => broker.close();
  expect(startPulse(broker.connect(), manualClock()).check()).toMatchObject({
    ok: false,
    reason: expect.stringContaining("yet") as string,
  });
});

test.each([
  [5000, 1, "RUNNING", 1000, true],
  [5001, 1, "RUNNING", 1000, false],
  // A tenth of the speed: a message each ten seconds of the wall clock. The same for one that publishes each ten seconds.
  [25_000, 0.1, "RUNNING", 1000, true],
  [25_001, 0.1, "RUNNING", 1000, false],
  [25_000, 1, "RUNNING", 10_000, true],
  [25_001, 1, "RUNNING", 10_000, false],
  // While it stands still the heartbeat comes each second, whatever the speed was.
  [5001, 0.1, "PAUSED", 0, false],
])("readiness - silent for %i ms at speed %f, %s, a message each %i ms: well is %s", async (ageMs, speed, state, periodMs, isWell) => {
  const check = (await pulseAfter(ageMs, speed, state, periodMs)).check();
  expect(check.ok).toBe(isWell);
  if (!isWell) expect(check.reason).toContain(`no telemetry has been heard for ${Math.round(ageMs / 1000)} s`);
});
