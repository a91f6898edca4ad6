import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import type { Verification } from "#recording/proof.ts";
import { verifyRecording, type Window } from "#recording/verify.ts";
import { forged, recordRun } from "./recording-rig.ts";
import { newFolder } from "./service-rig.ts";
import { ROOT } from "./running-twin.ts";
import { cleanUpSessions, OVERLOAD, startSession } from "./session-rig.ts";

afterEach(cleanUpSessions);

function verify(path: string, window?: Window): Verification {
  return verifyRecording({ rows: () => drivenRows(path, (problem) => expect(problem).toBeUndefined()) }, window);
}

const shipped = (scenario: string): string =>
  readFileSync(join(ROOT, "scenarios", scenario), "utf8").replace(/profile: .*/, `profile: ${ROOT}/profiles/shipped.json`);

describe("a recording that begins mid-run", () => {
  test.each([
    ["overload with incidents", OVERLOAD],
    ["a foe and its guard", shipped("radar-foe-approach.yaml")],
    ["late frames", `${shipped("close_pass.yaml")}\ntimeline: [{ at: 2s, do: fault, kind: late_frames, value: 3.5 }]\n`],
  ])(
    "PRF-005 proof - %s: identical from its first complete keyframe set, also over a reset",
    async (_, scenario) => {
      const session = await startSession(scenario);
      await session.clock.advance(7_300);
      await session.send("power.nbl.set_max", { max_power_w: 9 });
      expect((await session.send("record.start", { path: "second.jsonl" })).ok).toBe(true);
      await session.send("power.nbl.set_max", { max_power_w: 7 });
      await session.clock.advance(9_000);
      const [first] = session.twin.alarms.machine.views();
      if (first !== undefined) await session.send("incident.ack", { incident_id: first.incident_id, occ: first.occ });
      await session.send("sim.pause");
      await session.clock.advance(2_500);
      await session.send("sim.start", { speed: 10 });
      await session.clock.advance(8_000);
      await session.send("sim.reset");
      await session.send("sim.start");
      await session.clock.advance(5_200);
      const second = join(dirname(session.twin.recording!), "second.jsonl");
      expect(await session.verdict()).toMatchObject({ kind: "identical" });
      const verdict = verify(second);
      expect(verdict).toMatchObject({ kind: "identical" });
      const telemetry = readFileSync(second, "utf8")
        .split("\n")
        .filter((line) => line.includes('"type":"telemetry"'));
      expect(JSON.parse(telemetry[0]!).tick).toBeGreaterThan(70);
      expect(verdict.kind === "identical" && verdict.counts[SUBJECTS.telemetry]).toBe(telemetry.length);
    },
    120_000,
  );

  test("PRF-005 proof - begun while nothing moves, at tick 0", async () => {
    const session = await startSession();
    await session.send("sim.reset");
    await session.clock.advance(1_500);
    await session.send("record.start", { path: "second.jsonl" });
    await session.clock.advance(2_000);
    await session.send("sim.start");
    await session.clock.advance(2_000);
    const second = join(dirname(session.twin.recording!), "second.jsonl");
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
    expect(verify(second)).toMatchObject({ kind: "identical" });
  }, 60_000);
});

describe("a stretch of a recording", () => {
  test("PRF-005 verify - from and to: only the rows between are compared; an edit outside does not show, one inside does", async () => {
    const path = join(newFolder(), "run.jsonl");
    const lines = await recordRun(join(ROOT, "scenarios/radar-foe-approach.yaml"), path);
    const whole = verify(path);
    expect(whole).toMatchObject({ kind: "identical", ticks: 1700 });
    const late = verify(path, { fromTick: 700 });
    expect(late).toMatchObject({ kind: "identical", ticks: 1700, hash: whole.kind === "identical" ? whole.hash : "" });
    const middle = verify(path, { fromTick: 700, toTick: 1000 });
    expect(middle).toMatchObject({ kind: "identical" });
    expect(middle.messages).toBeLessThan(late.messages);
    expect(late.messages).toBeLessThan(whole.messages);

    const edited = (tick: number): string => {
      const at = lines.findIndex((line) => line.includes('"type":"telemetry"') && line.includes(`"tick":${tick},`));
      const file = join(newFolder(), "edited.jsonl");
      writeFileSync(file, forged(lines.with(at, lines[at]!.replace(/"bus_v":[\d.]+/, '"bus_v":1'))));
      return file;
    };
    expect(verify(edited(300), { fromTick: 700 })).toMatchObject({ kind: "identical" });
    expect(verify(edited(1200), { fromTick: 700, toTick: 1000 })).toMatchObject({ kind: "identical" });
    expect(verify(edited(1200), { toTick: 1199 })).toMatchObject({ kind: "identical" });
    for (const window of [{}, { toTick: 1200 }, { fromTick: 1200 }, { fromTick: 700, toTick: 1300 }])
      expect(verify(edited(1200), window)).toMatchObject({
        kind: "diverged",
        first: { tick: 1200, difference: { path: "power.bus_v", recorded: 1 } },
      });
    expect(() => verify(path, { fromTick: 1701 })).toThrow("the recording ends before tick 1701");
  }, 120_000);

  test("PRF-005 verify - cut off before its first keyframe set is whole, it is not verifiable", async () => {
    const path = join(newFolder(), "run.jsonl");
    const lines = await recordRun(join(ROOT, "scenarios/overload.yaml"), path, 90);
    const second = lines.findIndex((line) => line.includes('"role":"tracker","tick":600'));
    const rest = lines.slice(40, second).filter((line) => !line.includes("recording.v1.check"));
    const kept = [lines[0]!, ...rest];
    writeFileSync(path, `${kept.join("\n")}\n`);
    expect(() => verifyRecording({ rows: () => drivenRows(path, () => {}) })).toThrow("no start state");
  }, 60_000);
});
