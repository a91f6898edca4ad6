import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { QikiError } from "#base/error.ts";
import { parseRulesText } from "#services/incident-rules-file.ts";
import { checkProfile, readProfileFile } from "./load-profile.ts";
import { loadRun } from "./load-run.ts";
import { readText } from "./read-file.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-wrong-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SHIPPED = readFileSync(new URL("../../profiles/shipped.json", import.meta.url), "utf8");
const shippedWith = (from: RegExp, to: string): string => SHIPPED.replace(from, to);

function written(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Ten lists of ten aliases each, ten deep. */
const BOMB = Array.from({ length: 10 }, (_, level) => {
  const items = Array.from({ length: 10 }, () => (level === 0 ? "x" : `*l${level - 1}`)).join(",");
  return `l${level}: &l${level} [${items}]`;
}).join("\n");
const DEEP = `${"[".repeat(50_000)}${"]".repeat(50_000)}`;
const BINARY = Uint8Array.of(0, 255, 254, 1, 2, 200, 128);

function huge(name: string): string {
  const path = written(name, "");
  truncateSync(path, 100 * 1024 * 1024);
  return path;
}

/** What a person reads when `act` refuses; it must be an operating error that ends with exit code 2. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(QikiError);
    expect((error as QikiError).exitCode).toBe(2);
    return (error as QikiError).message;
  }
  throw new Error("it was accepted");
}

describe("a scenario that is none", () => {
  test.each([
    ["missing", (): string => join(folder, "nowhere.yaml"), /^there is no scenario .*nowhere\.yaml: looked for/],
    ["no name", (): string => "", /^there is no scenario "": looked for/],
    ["a folder", (): string => folder, /is a folder: name a file$/],
    ["a device", (): string => "/dev/null", /is no plain file: name a file$/],
    ["binary", (): string => written("binary.yaml", BINARY), /is not UTF-8 text: is it the right file\?$/],
    ["100 MB", (): string => huge("huge.yaml"), /has 104857600 bytes, at most 4194304 are read/],
    ["a YAML bomb", (): string => written("bomb.yaml", BOMB), /is not YAML: its aliases expand to far more than it holds$/],
    ["deep", (): string => written("deep.yaml", DEEP), /is not YAML: it is nested deeper than 64 levels$/],
    ["empty", (): string => written("empty.yaml", ""), /the file: got null, expected a mapping with name/],
    ["text", (): string => written("text.yaml", "some words"), /the file: got "some words", expected a mapping/],
    ["two documents", (): string => written("two.yaml", "name: a\n---\nname: b\n"), /it holds more than one document/],
    ["a key twice", (): string => written("twice.yaml", "name: a\nname: b\n"), /is not YAML: Map keys must be unique at line 2/],
    ["a tag", (): string => written("tag.yaml", "name: !!js/function a\n"), /is not YAML: Unresolved tag/],
    [
      "a way out of the profile",
      (): string => written("proto.yaml", "name: a\nset: { __proto__.x: 1 }\n"),
      /set\.__proto__\.x: leads nowhere/,
    ],
    [
      "a profile that is missing",
      (): string => written("lost.yaml", "name: a\nprofile: lost.json\n"),
      /^PROFILE unreadable lost\.json: got no JSON \(there is/,
    ],
  ] as const)("scenario - %s is refused in one sentence", (_what, path, text) => {
    const message = refusal(() => loadRun({ scenario: path(), bootId: "0" }));
    expect(message).toMatch(text);
  });

  test("scenario - everything wrong with one is said at once, by path", () => {
    const text = `
name: 3
seed: -1
tick_ms: 1.5
set: [1]
config: { sim.foo: 1 }
init: { soc_pct: 200, run: GO }
timelime: []
timeline:
  - { at: soon, do: command, name: sim.strat }
  - { at: 1s, do: fly }
  - { at: 1s, do: input }
  - { at: 1s, do: input, base_in_w: "x" }
  - { at: 1s, do: fault, kind: meteor }
  - nothing
expect: [5, "at noon x == 1"]
`;
    const lines = refusal(() => loadRun({ scenario: written("all.yaml", text), bootId: "0" })).split("\n  ");
    expect(lines.slice(1).map((line) => line.split(": ")[0])).toEqual([
      "config",
      "expect[0]",
      "expect[1]",
      "init.run",
      "init.soc_pct",
      "name",
      "seed",
      "set",
      "tick_ms",
      "timelime",
      "timeline[0].at",
      "timeline[0].name",
      "timeline[1].do",
      "timeline[2]",
      "timeline[3].base_in_w",
      "timeline[4].kind",
      "timeline[5]",
    ]);
    expect(lines).toContain("seed: got -1, expected 0..4294967295");
    expect(lines).toContain('timeline[0].at: got "soon", expected a time such as "12s" or a tick such as "120t"');
  });

  test("scenario - what this craft cannot take is found before anything runs", () => {
    const text = `
name: unfit
timeline:
  - { at: 1s, do: fault, kind: heat_leak, target: moon, value: 1 }
  - { at: 1s, do: fault, kind: dead_load }
  - { at: 1s, do: fault, kind: battery_capacity_loss, value: 2 }
  - { at: 1s, do: command, name: power.nbl.set_max, params: { max_power_w: -3 } }
  - { at: 1s, do: command, name: sim.fault.inject, params: { kind: comms_loss, target: x } }
  - { at: 1s, do: clear, kind: thruster_dead, target: 99 }
`;
    const message = refusal(() => loadRun({ scenario: written("unfit.yaml", text), bootId: "0" }));
    expect(
      message
        .split("\n  ")
        .slice(1)
        .map((line) => line.split(": ")[0]),
    ).toEqual([
      "timeline[0].target",
      "timeline[1].target",
      "timeline[2].value",
      "timeline[3].params.max_power_w",
      "timeline[4].params.target",
      "timeline[5].target",
    ]);
  });
});

describe("a profile that is none", () => {
  const check = (path: string): string =>
    refusal(() => {
      const file = readProfileFile(path, folder);
      checkProfile(file.path, file.value, 100);
    });

  test.each([
    ["missing", (): string => "nowhere.json", /^PROFILE unreadable nowhere\.json: got no JSON \(there is no profile/],
    ["a folder", (): string => folder, /^PROFILE unreadable .* is a folder: name a file\), expected a JSON object with hardware_profile$/],
    ["binary", (): string => written("binary.json", BINARY), /is not UTF-8 text/],
    ["100 MB", (): string => huge("huge.json"), /has 104857600 bytes/],
    ["deep", (): string => written("deep.json", DEEP), /got no JSON \(it is nested deeper than 64 levels\)/],
    ["cut off", (): string => written("cut.json", SHIPPED.slice(0, 200)), /^PROFILE unreadable .*got no JSON/],
    ["a list", (): string => written("list.json", "[]"), /PROFILE wrong_type file: got \[\], expected an object$/],
    [
      "without content",
      (): string => written("none.json", "{}"),
      /PROFILE missing_required hardware_profile: got nothing, expected an object$/,
    ],
    ["a text inside", (): string => written("inside.json", '{"hardware_profile":"x"}'), /PROFILE wrong_type hardware_profile: got "x"/],
    [
      "NaN where nobody reads",
      (): string => written("other.json", shippedWith(/"hardware_profile": *\{/, '"hardware_profile": {"other": NaN,')),
      /^PROFILE unreadable .*NaN and Infinity are not/,
    ],
  ] as const)("SIM-008 profile - %s is refused in one sentence", (_what, path, text) => {
    expect(check(path())).toMatch(text);
  });

  test.each([
    ["NaN", "got NaN"],
    ["-Infinity", "got -Infinity"],
    ["1e999", "got Infinity"],
  ])("SIM-002 profile - %s in a file is not finite, and its path is named", (word, got) => {
    const path = written("number.json", shippedWith(/"radar_power_w": *[\d.]+/, `"radar_power_w": ${word}`));
    expect(check(path)).toContain(`PROFILE not_finite power_plane.radar_power_w: ${got}, expected 0..1000000 W`);
  });

  test("profile - everything wrong with one is said at once, by path, the thruster file too", () => {
    const text = shippedWith(/"thrusters_path": *"[^"]*"/, '"thrusters_path": "nowhere.json"')
      .replace(/"max_bus_a": *[\d.]+/, '"max_bus_a": -1, "max_bus_amps": 5')
      .replace(/"power_capacity_wh": *[\d.]+/, '"power_capacity_wh": "500"');
    const lines = check(written("many.json", text)).split("\n");
    expect(lines.slice(1).map((line) => line.split(": ")[0])).toEqual([
      "PROFILE wrong_type power_capacity_wh",
      "PROFILE out_of_range power_plane.max_bus_a",
      "PROFILE unknown_key power_plane.max_bus_amps",
      "PROFILE unreadable propulsion_plane.thrusters_path",
    ]);
    expect(lines[4]).toMatch(/got "nowhere\.json", expected a JSON file with an array of thrusters: there is no thruster file/);
  });
});

describe("a rules file that is none", () => {
  test.each([
    ["a YAML bomb", BOMB, "its aliases expand to far more than it holds"],
    ["deep", DEEP, "it is nested deeper than 64 levels"],
    ["empty", "", "expected a mapping"],
    ["a key twice", "version: 1\nversion: 1\n", "Map keys must be unique at line 2, column 1"],
  ])("rules - %s is a finding, no crash", (_what, text, message) => {
    const loaded = parseRulesText(text);
    expect(loaded.ok).toBe(false);
    expect(loaded.ok ? [] : loaded.findings.map((finding) => finding.message)).toContain(message);
  });

  test("rules - a folder in its place is refused", () => {
    expect(refusal(() => readText(folder, "rules file"))).toMatch(/is a folder: name a file$/);
  });
});
