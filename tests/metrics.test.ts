import { afterEach, expect, test } from "vitest";
import { openInProcessBroker } from "#bus/in-process.ts";
import { systemClock } from "#services/clock.ts";
import { settle } from "#services/gateway/test-rig.ts";
import { busMetrics, createMetrics } from "#services/metrics.ts";
import { cleanUp, startRig } from "./gateway-rig.ts";

afterEach(cleanUp);

/** Samples of one name, by their labels as they stand in the text. */
function samples(text: string, name: string): ReadonlyMap<string, number> {
  return new Map(
    [...text.matchAll(new RegExp(`^qiki_${name}(?:\\{([^}]*)\\})? (\\S+)$`, "gm"))].map(([, labels, value]) => [
      labels ?? "",
      Number(value),
    ]),
  );
}

test("GW-001 metrics - ticks, commands, alarms, audit, bus and consoles are told as they are, in Prometheus's text", async () => {
  const rig = await startRig({ running: true });
  const cookie = await rig.login("anna");
  const far = await rig.console({ cookie });
  await rig.clock.advanceSettled(10_000);
  const send = (parameters: object) =>
    rig.post("/api/commands", { command_name: "power.nbl.set_max", parameters, confirm: true }, { cookie });
  await send({ max_power_w: 7 });
  await settle();
  await rig.clock.advanceSettled(2000);
  const answer = await rig.get("/metrics");
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  const { text } = answer;
  const only = (name: string): number | undefined => samples(text, name).get("");
  expect(only("ticks_total")).toBe(120);
  expect(only("tick_late_total")).toBe(0);
  expect(only("tick_duration_seconds_count")).toBe(120);
  expect(samples(text, "commands_total").get('name="power.nbl.set_max",code="applied"')).toBe(1);
  expect(only("command_ack_seconds_count")).toBe(1);
  expect(samples(text, "effects_total").get('result="confirmed"')).toBe(1);
  expect([...samples(text, "incidents").keys()]).toContain('letter="B",severity="W"');
  expect(only("alarm_flood")).toBe(0);
  expect(samples(text, "alarm_annunciations_total").get('rule="POWER_BUS_NEAR_LIMIT",severity="W"')).toBe(1);
  expect(only("alarm_input_age_seconds")).toBeLessThanOrEqual(1);
  const { items } = (await rig.get("/api/audit?limit=1")).body as { items: { seq: number }[] };
  expect(only("audit_head_seq")).toBe(items.at(-1)!.seq);
  expect(only("audit_append_seconds_count")).toBeGreaterThan(0);
  expect(samples(text, "bus_state").get('state="connected"')).toBe(1);
  expect(only("bus_published_total")).toBeGreaterThan(100);
  for (const durable of ["radar_frames_pull", "alarms_events_pull", "events_audit_pull"])
    expect(
      [...samples(text, "consumer_lag").keys()].some((labels) => labels.includes(`durable="${durable}"`)),
      durable,
    ).toBe(true);
  expect(only("ws_clients")).toBe(1);
  expect(only("record_rows_total")).toBe(0);
  await far.drop();
});

test("BUS-027 metrics - at rest every durable's lag is 0", async () => {
  const rig = await startRig();
  await expect
    .poll(async () => {
      await rig.clock.advanceSettled(5000);
      const lags = [...samples((await rig.get("/metrics")).text, "consumer_lag").values()];
      return lags.length >= 3 && lags.every((lag) => lag === 0);
    })
    .toBe(true);
});

test("metrics - a role that begins anew tells its own numbers in place of those before", async () => {
  const metrics = createMetrics();
  for (const value of [5, 7]) metrics.counter("rows_total", "rows", [], () => [[{}, value]]);
  for (const seconds of [1, 2]) metrics.seconds("append_seconds", "time", [1])(seconds);
  const { text } = await metrics.text();
  expect(samples(text, "rows_total").get("")).toBe(7);
  expect(samples(text, "append_seconds_sum").get("")).toBe(2);
});

test("BUS-027 lag - one that is being asked for when everything ends is the last: the process can end", async () => {
  const bus = openInProcessBroker({ nowMs: () => 0, report: () => {} }).connect();
  let asked = 0;
  const clock = {
    ...systemClock,
    after(): () => void {
      asked += 1;
      return () => {};
    },
  };
  busMetrics(createMetrics(), bus, clock);
  await expect.poll(() => asked).toBe(1);
  const end = busMetrics(createMetrics(), bus, clock);
  end();
  await settle();
  expect(asked).toBe(1);
  await bus.close();
});
