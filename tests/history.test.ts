import { afterEach, describe, expect, test } from "vitest";
import { settle } from "#services/gateway/test-rig.ts";
import { cleanUp, type GatewayRig, startRig } from "./gateway-rig.ts";

afterEach(cleanUp);

interface Mark {
  readonly lane: string;
  readonly tick: number;
  readonly what: { readonly kind?: string; readonly mode?: string };
}

async function timeline(rig: GatewayRig, query = ""): Promise<readonly Mark[]> {
  return (await rig.get(`/api/timeline${query}`)).body.items as Mark[];
}

describe("history of a running twin", () => {
  test("GW-001 series - a console that comes late sees what was; what is asked wrongly is named", async () => {
    const rig = await startRig({ running: true });
    await rig.clock.advanceSettled(60_000);
    await expect
      .poll(async () => {
        await rig.clock.advanceSettled(1000);
        return (await rig.get("/api/series?path=power.soc_pct&points=2000")).status;
      })
      .toBe(200);
    const { body } = await rig.get("/api/series?path=power.soc_pct&points=2000");
    const buckets = body.buckets as readonly ([number, number, number] | null)[];
    expect(body).toMatchObject({ path: "power.soc_pct", bucket_ms: 1000 });
    expect(buckets.length).toBeGreaterThanOrEqual(59);
    expect(buckets.every((bucket) => bucket !== null && bucket[0] <= bucket[2] && bucket[2] <= bucket[1])).toBe(true);
    const state = (await rig.get("/api/state?topics=telemetry")).body as { topics: { telemetry: { power: { v: { soc_pct: number } } } } };
    expect(buckets.at(-1)![2]).toBeCloseTo(state.topics.telemetry.power.v.soc_pct, 1);
    const few = (await rig.get("/api/series?path=thermal.nodes[id=core].temp_c&points=10")).body;
    expect((few.buckets as unknown[]).length).toBeLessThanOrEqual(10);
    for (const [query, said] of [
      ["", "path is missing"],
      ["?path=power.nothing", "no number at power.nothing"],
      ["?path=power.soc_pct&points=2001", "points is 2001"],
      ["?path=power.soc_pct&from=yesterday", "filters.from"],
      ["?path=power.soc_pct&from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "expected a time after from"],
    ] as const) {
      const answer = await rig.get(`/api/series${query}`);
      expect([query, answer.status, answer.body.detail]).toEqual([query, 422, expect.stringContaining(said) as string]);
    }
    expect((await rig.get("/api/series?path=power.soc_pct&run=none")).status).toBe(404);
  });

  test("GW-001 timeline - alarms, commands and modes with their ticks, of this run alone", async () => {
    const rig = await startRig({ running: true });
    const cookie = await rig.login("anna");
    await rig.clock.advanceSettled(5000);
    const sent = await rig.post(
      "/api/commands",
      { command_name: "power.nbl.set_max", parameters: { max_power_w: 7 }, confirm: true },
      { cookie },
    );
    expect(sent.status).toBe(202);
    await rig.clock.advanceSettled(5000);
    await expect
      .poll(async () => {
        await rig.clock.advanceSettled(1000);
        return [...new Set((await timeline(rig)).map(({ lane }) => lane))].sort();
      })
      .toEqual(expect.arrayContaining(["commands", "modes"]));
    const marks = await timeline(rig);
    const commands = marks.filter(({ lane }) => lane === "commands");
    expect(commands.map(({ what }) => what.kind)).toEqual(["command_result", "command_effect"]);
    expect(commands[0]!.tick).toBeGreaterThanOrEqual(50);
    expect(await timeline(rig, "?run=none")).toEqual([]);
    expect((await timeline(rig, "?to=2026-01-01T00:00:04Z")).some(({ lane }) => lane === "commands")).toBe(false);
  });

  test("GW-001 recordings - listed as the files say, read byte for byte, begun and ended by whoever may", async () => {
    const rig = await startRig({ running: true });
    const cookie = await rig.login("anna");
    expect((await rig.get("/api/recordings")).body).toEqual({ items: [] });
    expect((await rig.post("/api/recordings", { path: "mine.jsonl" })).status).toBe(403);
    const begun = rig.post("/api/recordings", { path: "mine.jsonl" }, { cookie });
    await settle();
    await rig.clock.advanceSettled(100);
    expect((await begun).body).toMatchObject({ stage: "APPLIED" });
    const listed = async (): Promise<readonly Readonly<Record<string, unknown>>[]> => {
      await rig.clock.advanceSettled(1000);
      return (await rig.get("/api/recordings")).body.items as Readonly<Record<string, unknown>>[];
    };
    await expect.poll(async () => (await listed()).length).toBe(1);
    const [open] = await listed();
    expect(open).toMatchObject({ file: "mine.jsonl", segment: 1, scenario: "test", rows: null });
    expect((await rig.post(`/api/recordings/none/stop`, {}, { cookie })).status).toBe(404);
    const ended = rig.post(`/api/recordings/${String(open!.recording_id)}/stop`, {}, { cookie });
    await settle();
    await rig.clock.advanceSettled(100);
    expect((await ended).body).toMatchObject({ stage: "APPLIED" });
    await expect.poll(async () => (await listed())[0]!.rows).not.toBeNull();
    const [closed] = await listed();
    const file = await rig.get(`/api/recordings/${String(closed!.recording_id)}/file?format=jsonl`);
    expect(Buffer.byteLength(file.text)).toBe(closed!.bytes);
    expect(file.text.trimEnd().split("\n")).toHaveLength((closed!.rows as number) + 1);
    expect((await rig.get("/api/recordings/none/file")).status).toBe(404);
    expect((await rig.get(`/api/recordings/${String(closed!.recording_id)}/file?format=mp4`)).status).toBe(422);
  });
});
