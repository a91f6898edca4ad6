import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { z } from "zod";
import { qiki, ROOT, removeFolder, type RunningTwin, startTwin } from "./running-twin.ts";

const scratch = mkdtempSync(join(tmpdir(), "qiki-cli-"));
afterAll(() => removeFolder(scratch));

/** A file of this test's own, and its path. */
function written(name: string, text: string): string {
  const path = join(scratch, name);
  writeFileSync(path, text);
  return path;
}

const SHIPPED_PROFILE = readFileSync(join(ROOT, "profiles/shipped.json"), "utf8");

describe("bad input ends with one clear error, and nothing starts", () => {
  const badScenario = written("timelime.yaml", "name: typo\nprofile: profiles/shipped.json\ntimelime: []\n");
  const badProfile = written("unknown-key.json", SHIPPED_PROFILE.replace('"max_bus_a"', '"max_bus_amps": 5, "max_bus_a"'));
  const badNumber = written("nan.json", SHIPPED_PROFILE.replace(/"max_bus_a": *[\d.]+/, '"max_bus_a": NaN'));
  const badRules = written(
    "rules.yaml",
    readFileSync(join(ROOT, "config/incident_rules.yaml"), "utf8").replace("value: 70,", "value: 170,"),
  );
  const fileForFolder = written("a-file", "");
  const unusedFolder = join(scratch, "unused");

  test.each([
    ["unknown scenario key", ["up", "--data", unusedFolder, "--scenario", badScenario], 2, "timelime: unknown key"],
    ["unknown scenario key, checked", ["scenario", "check", badScenario], 2, "timelime: unknown key"],
    ["no such scenario", ["up", "--data", unusedFolder, "--scenario", "nowhere.yaml"], 2, "there is no scenario nowhere.yaml"],
    [
      "unknown profile key",
      ["up", "--data", unusedFolder, "--profile", badProfile],
      2,
      "PROFILE unknown_key power_plane.max_bus_amps: got 5",
    ],
    ["unknown profile key, checked", ["profile", "check", badProfile], 2, "PROFILE unknown_key power_plane.max_bus_amps: got 5"],
    ["NaN in a profile", ["profile", "check", badNumber], 2, "PROFILE not_finite power_plane.max_bus_a: got NaN, expected 0..10000 A"],
    ["a schema that is none", ["schema", "craft"], 2, "there is no schema craft: give one of scenario, profile"],
    ["several profiles", ["profile", "check", badProfile, badNumber], 2, "PROFILE not_finite"],
    ["a tick that is none", ["profile", "check", "profiles/shipped.json", "--tick-ms", "0"], 2, "--tick-ms 0"],
    ["a file where the data folder should be", ["up", "--data", fileForFolder], 2, `folder ${fileForFolder} cannot be made`],
    ["a port that is none", ["up", "--data", unusedFolder, "--port", "70000"], 2, "port 70000"],
    ["a host others can reach", ["up", "--data", unusedFolder, "--host", "0.0.0.0"], 2, "--host 0.0.0.0"],
    ["half a JSON object", ["send", "sim.start", "--params", '{"speed":'], 2, "--params is not JSON"],
    ["a parameter without a value", ["send", "sim.start", "speed"], 2, "speed is no parameter: give name=value, such as speed=…"],
    ["an unknown command", ["send", "sim.strat"], 2, "there is no command sim.strat"],
    ["nobody at the address", ["send", "sim.start", "--url", "http://127.0.0.1:9"], 3, "no gateway answers at http://127.0.0.1:9"],
    ["an address that is none", ["audit", "list", "--url", "localhost"], 2, "--url localhost is no address"],
    ["a store that is not there", ["audit", "verify", "--store", join(scratch, "none.sqlite")], 4, "there is no store"],
    ["a store that is none", ["audit", "verify", "--store", badScenario], 4, "is not a readable store"],
    ["a head that is none", ["audit", "verify", "--export", badScenario, "--head", "abc"], 2, "--head abc is neither"],
    ["a folder for a recording", ["replay", scratch], 2, "there is no recording"],
    ["a time that is none", ["replay", badScenario, "--from", "x"], 2, "x is no moment: give seconds"],
    ["a count that is none", ["fuzz", "--seeds", "x"], 2, "--seeds is x: give a whole number"],
    ["a case of what is no recording", ["case", badScenario, "--from", "0", "--to", "1"], 4, "is no recording"],
    ["a fork of what is no recording", ["fork", badScenario, "--at", "1"], 4, "is no recording"],
    ["a verb that does not exist", ["fly"], 2, "unknown command 'fly'"],
  ] as const)("%s", async (_what, args, code, text) => {
    const result = await qiki(args);
    expect(result.stderr).toContain(text);
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect(result.stdout).toBe("");
    expect(result.code).toBe(code);
    expect(existsSync(unusedFolder)).toBe(false);
  });

  test("rules lint - an alarm that can never come is an error with its place", async () => {
    const result = await qiki(["rules", "lint", badRules]);
    expect(result.stdout).toContain("E3 TEMP_CORE_SPIKE rules[0].threshold is > 170: never true");
    expect(result.stdout).toContain("1 errors, 0 warnings");
    expect(result.code).toBe(1);
  });
});

describe("files", () => {
  test("SIM-104 scenarios - a line each, all valid; a wrong key is named; schemas accept the shipped files and refuse that key", async () => {
    const typo = written("typo.yaml", "name: typo\ntimelime: []\n");
    const files = readdirSync(join(ROOT, "scenarios"))
      .map((file) => `scenarios/${file}`)
      .sort();
    const folder = join(scratch, "schemas");
    const [listed, checked, typoChecked, printed, schemas] = await Promise.all([
      qiki(["scenarios"]),
      qiki(["scenario", "check", ...files]),
      qiki(["scenario", "check", typo]),
      qiki(["schema", "scenario"]),
      qiki(["schema", "--out", folder]),
    ]);
    const lines = listed.stdout.trimEnd().split("\n");
    expect(lines.map((line) => line.split(" ")[0])).toEqual(files);
    expect(lines.every((line) => /^\S+ {2,}\S.{10,}$/.test(line))).toBe(true);
    expect({ code: checked.code, stderr: checked.stderr }).toEqual({ code: 0, stderr: "" });
    expect(checked.stdout.split("\n").filter((line) => line.startsWith("valid: ")).length).toBe(files.length);
    expect(typoChecked).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("  timelime: unknown key, expected one of name,") as string,
    });
    const shippedFiles: Record<string, string[]> = {
      scenario: files,
      profile: ["profiles/shipped.json", ...readdirSync(join(ROOT, "profiles/test")).map((file) => `profiles/test/${file}`)],
      guard_rules: ["config/guard_rules.yaml"],
      incident_rules: ["config/incident_rules.yaml"],
    };
    expect(schemas.stdout.trimEnd().split("\n").length).toBeGreaterThan(Object.keys(shippedFiles).length);
    for (const [name, shipped] of Object.entries(shippedFiles)) {
      const text = readFileSync(join(folder, `${name}.schema.json`), "utf8");
      if (name === "scenario") expect(printed.stdout).toBe(text);
      const schema = z.fromJSONSchema(JSON.parse(text) as JsonSchema);
      for (const file of shipped) {
        const value: unknown = parseYaml(readFileSync(join(ROOT, file), "utf8"));
        expect(schema.safeParse(value).error?.issues, `${name}: ${file}`).toBeUndefined();
        expect(schema.safeParse(withKey(value, name, "timelime")).success, `${name}: ${file} with a wrong key`).toBe(false);
      }
    }
  });
});

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

/** The value with a key that nobody knows; a profile refuses it in its planes, the others at their root. */
function withKey(value: unknown, name: string, key: string): unknown {
  if (name !== "profile") return { ...(value as object), [key]: [] };
  const file = value as { readonly hardware_profile: { readonly power_plane: object } };
  return { ...file, hardware_profile: { ...file.hardware_profile, power_plane: { ...file.hardware_profile.power_plane, [key]: [] } } };
}

test("help - every verb explains itself", async () => {
  const help = await qiki(["--help"]);
  const verbs = [
    "up",
    "run",
    "send",
    "record",
    "replay",
    "verify",
    "audit",
    "incidents",
    "scenarios",
    "scenario",
    "profile",
    "rules",
    "schema",
  ];
  for (const verb of verbs) expect(help.stdout).toMatch(new RegExp(`^  ${verb} `, "m"));
  expect((await qiki(["send", "--help"])).stdout).toContain("sim.rcs.fire            ! axis pct duration_s");
});

describe("a running twin", () => {
  let twin: RunningTwin;
  let dataFolder: string;
  const ask = (...args: string[]): ReturnType<typeof qiki> => qiki([...args, "--url", twin.url]);

  beforeAll(async () => {
    dataFolder = mkdtempSync(join(tmpdir(), "qiki-cli-twin-"));
    twin = await startTwin(["--stopped"], dataFolder);
  });
  afterAll(async () => {
    await twin.stop("SIGKILL");
    removeFolder(dataFolder);
  });

  test("AUD-008 one writer - a second process on the same data folder, or on its store, exits 5 and names the first", async () => {
    const [second, reader, samePort] = await Promise.all([
      qiki(["up", "--data", dataFolder, "--port", "0"]),
      qiki(["audit", "verify", "--store", join(dataFolder, "qiki.sqlite")]),
      qiki(["up", "--data", join(scratch, "other"), "--port", new URL(twin.url).port]),
    ]);
    const pid = readFileSync(join(dataFolder, "lock.pid"), "utf8").trim();
    expect(second).toMatchObject({
      code: 5,
      stdout: "",
      stderr: expect.stringContaining(`${dataFolder} is in use by process ${pid}`) as string,
    });
    expect(reader).toMatchObject({ code: 5, stderr: expect.stringContaining("is in use by process") as string });
    expect(samePort).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("is in use: stop what uses it or give another --port") as string,
    });
    expect(existsSync(join(scratch, "other")), "what a start that failed has made").toBe(false);
  });

  test("send - answer, effect, refusal, repeat, question", async () => {
    const started = await ask("send", "sim.start", "speed=2", "--wait", "effect");
    expect(started).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sim\.start applied at tick 1, effect seen \[/) as string });
    const refused = await ask("send", "sim.start", "speed=fast");
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining("speed is fast, expected a number in (0, 1000]") as string });
    const unsure = await ask("send", "power.nbl.set_max", "max_power_w=10");
    expect(unsure).toMatchObject({ code: 2, stderr: expect.stringContaining("Give --confirm if that is meant") as string });
    const args = ["send", "power.nbl.set_max", "--params", '{"max_power_w":10}', "--confirm", "--id", "my-id", "--json"];
    const first = JSON.parse((await ask(...args)).stdout) as Record<string, unknown>;
    expect(first).toMatchObject({ request_id: "my-id", stage: "APPLIED", sender: "cli" });
    expect(JSON.parse((await ask(...args)).stdout)).toMatchObject({ request_id: "my-id", tick: first.tick, idempotent_replay: true });
    const reset = await ask("send", "sim.reset", "--confirm", "--as", "olga", "--wait", "effect");
    expect(reset).toMatchObject({ code: 0, stdout: expect.stringContaining("effect seen") as string });
  });

  test("audit - list, proof and export of the chain; an edited export is found", async () => {
    const list = await ask("audit", "list", "--actor", "olga", "--kind", "command_result");
    expect(list.stdout).toMatch(/^\d+ 2026-01-01T\S+Z \S+Z olga command_result \S+ sim\.reset\n$/);
    const proved = await ask("audit", "verify");
    expect(proved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^OK \d+ records, head \d+ [0-9a-f]{64}\n$/) as string });
    const out = join(scratch, "export.jsonl");
    expect((await ask("audit", "export", "--out", out)).code).toBe(0);
    expect((await ask("audit", "export", "--out", out)).code).toBe(2);
    expect((await qiki(["audit", "verify", "--export", out])).stdout).toContain("no independent head: truncation not excluded");
    const lines = readFileSync(out, "utf8").split("\n");
    const edited = written(
      "edited.jsonl",
      lines.map((line, seq) => (seq === 2 ? line.replace('"ok":true', '"ok":false') : line)).join("\n"),
    );
    expect(await qiki(["audit", "verify", "--export", edited])).toMatchObject({ code: 1, stdout: "BAD seq 2: edited\n" });
    const cut = written("cut.jsonl", lines.slice(0, 3).join("\n"));
    const head = (JSON.parse(lines[4]!) as { hash: string }).hash;
    expect(await qiki(["audit", "verify", "--export", cut, "--head", head])).toMatchObject({ code: 1, stdout: "BAD seq 3: truncated\n" });
  });

  test("up - a signal stops it in order, with exit code 0 and the place of the recording; the store then proves itself", async () => {
    const stopped = await twin.stop("SIGTERM");
    expect(stopped).toMatchObject({
      code: 0,
      output: expect.stringContaining(`stopped; recording: ${join(dataFolder, "recordings")}`) as string,
    });
    const proved = await qiki(["audit", "verify", "--store", join(dataFolder, "qiki.sqlite")]);
    expect(proved.stdout).toMatch(/^OK \d+ records, head \d+ [0-9a-f]{64}\n$/);
    const kinds = await qiki(["audit", "list", "--store", join(dataFolder, "qiki.sqlite"), "--kind", "service_stop"]);
    expect(kinds.stdout.split("\n").length).toBe(2);
  });
});
