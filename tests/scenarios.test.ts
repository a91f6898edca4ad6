import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadRun } from "#cli/load-run.ts";
import { runScenario } from "#cli/run.ts";
import { qiki, ROOT, removeFolder } from "./running-twin.ts";

const scratch = mkdtempSync(join(tmpdir(), "qiki-scenarios-"));
afterAll(() => removeFolder(scratch));

const FILES = readdirSync(join(ROOT, "scenarios"));

/** What a run remarks, where it is meant to. */
const NOTES: Readonly<Record<string, readonly string[]>> = {
  "rcs-exhaustion.yaml": ["timeline[1] was refused: there is no propellant left to fire the thrusters with"],
};

describe("shipped scenarios", () => {
  test.each(FILES)("scenario - %s meets every expectation it has", async (file) => {
    const result = await runScenario(loadRun({ scenario: `scenarios/${file}`, bootId: "0" }));
    expect(result.verdicts.filter(({ ok }) => !ok)).toEqual([]);
    expect(result.verdicts.length).toBeGreaterThanOrEqual(3);
    expect(result.notes).toEqual(NOTES[file] ?? []);
  });

  test("scenario - each names the schema that editors complete it by", () => {
    for (const file of FILES) {
      const [first] = readFileSync(join(ROOT, "scenarios", file), "utf8").split("\n");
      expect(first, file).toBe("# yaml-language-server: $schema=../schemas/scenario.schema.json");
    }
  });
});

describe("qiki run", () => {
  test("run - a verdict a line and exit code 0; a miss says what was seen, exit code 1", async () => {
    const missing = join(scratch, "miss.yaml");
    writeFileSync(missing, "name: miss\nduration_s: 1\nexpect:\n  - at 5t power.bus_a > 100\n  - at 20s tick == 200\n");
    const [met, missed] = await Promise.all([qiki(["run", "scenarios/thruster-dead.yaml"]), qiki(["run", missing])]);
    expect(met.code).toBe(0);
    expect(met.stdout).toMatch(
      /^thruster-dead: 100 ticks, 10 s of simulated time\n( {2}ok {4}.*\n){8}8 met, 0 missed; hash [0-9a-f]{32}\n$/,
    );
    expect(missed.code).toBe(1);
    expect(missed.stdout).toMatch(/ {2}MISS {2}at 5t power\.bus_a > 100 {3}saw 4\.\d+ at tick 5\n/);
    expect(missed.stdout).toContain("  MISS  at 20s tick == 200   saw the run did not reach it\n");
  });
});
