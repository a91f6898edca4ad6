import { existsSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { caseExpectation, writeCase } from "#recording/case.ts";
import { drivenRows } from "#recording/driven-rows.ts";
import { verifyRecording } from "#recording/verify.ts";
import { recordRun, roomDigests } from "./recording-rig.ts";
import { qiki, removeFolder, ROOT } from "./running-twin.ts";
import { cleanUpSessions, OVERLOAD, startSession } from "./session-rig.ts";

// Inside the product, where a case's test finds the product's own imports.
const folder = mkdtempSync(join(ROOT, "tests/case-fork-"));
const file = join(folder, "run.jsonl");

beforeAll(async () => {
  await recordRun(join(ROOT, "scenarios/radar-foe-approach.yaml"), file);
}, 120_000);
afterEach(cleanUpSessions);
afterAll(() => removeFolder(folder));

const verify = (path: string) => verifyRecording({ rows: () => drivenRows(path, (problem) => expect(problem).toBeUndefined()) });

async function fork(recording: string, ...args: string[]): Promise<{ stdout: string; path: string }> {
  const path = join(
    folder,
    `fork-${args
      .join("-")
      .replace(/[^a-z0-9]+/gi, "_")
      .slice(-60)}.jsonl`,
  );
  const { code, stdout, stderr } = await qiki(["fork", recording, ...args, "--out", path]);
  expect(code, stderr).toBe(0);
  return { stdout, path };
}

describe("fork", () => {
  test("PRF-008 fork - without commands it has the parent's hashes, room by room and tick by tick, and verifies", async () => {
    for (const tick of [0, 733, 1200]) {
      const { stdout, path } = await fork(file, "--at", `tick:${tick}`);
      expect(stdout).toContain(`no difference from ${file} in ticks ${tick} to 1700`);
      const own = roomDigests(path, tick);
      expect(own).toEqual(roomDigests(file, tick));
      expect(own.size).toBeGreaterThan(2 * (1700 - tick));
      const verdict = verify(path);
      const parent = verify(file);
      expect(verdict).toMatchObject({ kind: "identical", ticks: 1700, hash: parent.kind === "identical" ? parent.hash : "" });
    }
  }, 240_000);

  test("PRF-008 fork - rcs.fire at T: the first difference is the tick that it acts in; the fork names its parent and verifies", async () => {
    const commands = join(folder, "commands.yaml");
    writeFileSync(commands, "- { at: 73.3, command_name: sim.rcs.fire, parameters: { axis: forward, pct: 35, duration_s: 2 } }\n");
    const { stdout, path } = await fork(file, "--at", "73.3", "--commands", commands, "--duration", "20");
    expect(stdout).toContain(`first difference from ${file}: tick 734, room craft`);
    const [meta] = [...drivenRows(path, () => {})];
    const [original] = [...drivenRows(file, () => {})];
    expect(meta!.data.parent).toMatchObject({ recording_id: original!.data.recording_id, tick: 733 });
    expect((meta!.data.parent as { state_hash: string }).state_hash).toBe(roomDigests(file, 0).get("craft 733"));
    expect(verify(path)).toMatchObject({ kind: "identical", ticks: 930 });
  }, 120_000);

  test("PRF-008 fork - of a live recording with commands, acks and a pause: those before T stay, those after are gone", async () => {
    const session = await startSession(OVERLOAD);
    await session.clock.advance(6_000);
    const [first] = session.twin.alarms.machine.views();
    await session.send("incident.ack", { incident_id: first!.incident_id, occ: first!.occ });
    await session.send("power.nbl.set_max", { max_power_w: 9 });
    await session.clock.advance(64_000);
    await session.send("sim.pause");
    await session.clock.advance(2_000);
    await session.send("sim.start");
    await session.clock.advance(4_000);
    const after = session.twin.sim.machine.tick;
    await session.clock.advance(3_000);
    await session.send("sim.rcs.fire", { axis: "forward", pct: 35, duration_s: 2 });
    await session.clock.advance(5_000);
    const recording = session.twin.recording!;
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
    const { stdout, path } = await fork(recording, "--at", `tick:${after}`);
    expect(stdout).toContain(`tick ${after + 31}, room craft`);
    expect(verify(path)).toMatchObject({ kind: "identical" });
  }, 120_000);

  test("PRF-008 fork - what cannot be: beyond the end, a command before the fork, one that is not the simulation's, no list", async () => {
    const beyond = await qiki(["fork", file, "--at", "tick:1701"]);
    expect(beyond).toMatchObject({ code: 3, stderr: expect.stringContaining("ends before tick 1701") as string });
    const commands = join(folder, "wrong.yaml");
    for (const [text, problem] of [
      ["- { at: 70, command_name: sim.stop }", "is before the fork at tick 733"],
      ["- { at: 80, command_name: incident.ack }", "is no command of the simulation"],
      ["- { command_name: sim.stop }", "expected {at, command_name, parameters}"],
      ["at: 5", "expected a list"],
    ] as const) {
      writeFileSync(commands, text);
      const { code, stderr } = await qiki(["fork", file, "--at", "73.3", "--commands", commands]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(problem) as string });
    }
    expect(existsSync(file.replace(".jsonl", ".fork-733.jsonl"))).toBe(false);
  }, 120_000);
});

describe("case", () => {
  test("PRF-007 case - its recording verifies, its test passes, also when moved, and fails when a value is edited", async () => {
    const made = join(folder, "made");
    const { code, stdout, stderr } = await qiki(["case", file, "--from", "65", "--to", "tick:1300", "--out", made]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("case.test.ts");
    expect(await qiki(["verify", join(made, "recording.jsonl")])).toMatchObject({ code: 0 });
    expect(caseExpectation(made).lifecycle.length).toBeGreaterThan(0);
    const again = await qiki(["case", file, "--from", "65", "--to", "tick:1300", "--out", made]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("exists") as string });
    const moved = join(folder, "moved");
    renameSync(made, moved);
    const run = () => qiki(["--node", join(ROOT, "node_modules/vitest/vitest.mjs"), "run", join(moved, "case.test.ts"), "--root", ROOT]);
    const passed = await run();
    expect(passed.code, passed.stdout + passed.stderr).toBe(0);
    expect(passed.stdout).toMatch(/1 passed/);
    const recording = join(moved, "recording.jsonl");
    writeFileSync(recording, readFileSync(recording, "utf8").replace(/"bus_v":[\d.]+/, '"bus_v":1'));
    expect((await run()).code).toBe(1);
  }, 180_000);

  test("PRF-007 case - of a live recording, with the transitions of its incidents", async () => {
    const session = await startSession(OVERLOAD);
    await session.clock.advance(62_000);
    const [first] = session.twin.alarms.machine.views();
    await session.send("incident.ack", { incident_id: first!.incident_id, occ: first!.occ });
    await session.clock.advance(10_000);
    const recording = session.twin.recording!;
    expect(await session.verdict()).toMatchObject({ kind: "identical" });
    const made = join(dirname(recording), "case");
    const { verdict, lifecycle } = await writeCase(recording, { fromTick: 601, toTick: 680 }, made, () => {});
    expect(verdict).toMatchObject({ kind: "identical" });
    expect(lifecycle.map(({ kind, rule_id }) => [kind, rule_id])).toEqual([["incident_refused", first!.rule_id]]);
  }, 120_000);

  test("PRF-007 case - before the first keyframe there is none", async () => {
    const cut = join(folder, "cut.jsonl");
    const lines = readFileSync(file, "utf8").split("\n");
    const rows = lines
      .filter((line) => !line.includes('"role":') || !/"tick":(0|600),/.test(line))
      .filter((line) => !/v1\.(check|end)/.test(line));
    writeFileSync(cut, rows.join("\n"));
    const { code, stderr } = await qiki(["case", cut, "--from", "20", "--to", "30", "--out", join(folder, "none")]);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringContaining("no start state") as string });
  }, 60_000);
});
