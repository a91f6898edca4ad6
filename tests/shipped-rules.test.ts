import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { RULES_PATH } from "#cli/load-rules.ts";
import { cleanUp, type GatewayRig, startRig } from "./gateway-rig.ts";
import { ROOT } from "./running-twin.ts";

afterEach(cleanUp);

const RULES = (parse(readFileSync(RULES_PATH, "utf8")) as { rules: { id: string }[] }).rules.map(({ id }) => id);
/** What no scenario can make: it depends on the disk of the machine. */
const BY_RECORDER = "RECORD_STORAGE_HIGH";

describe("shipped incident rules", () => {
  test("rules - each has a scenario in which it fires and one, close to it, in which it must not", () => {
    const expectations = readdirSync(join(ROOT, "scenarios")).flatMap(
      (file) => (parse(readFileSync(join(ROOT, "scenarios", file), "utf8")) as { expect?: string[] }).expect ?? [],
    );
    const letters = (rule: string, when: RegExp): string[] =>
      expectations.flatMap((text) => (when.test(text) ? (new RegExp(`incidents\\.${rule} == (\\w+)$`).exec(text)?.[1] ?? []) : []));
    for (const rule of RULES.filter((id) => id !== BY_RECORDER)) {
      expect(letters(rule, /^(at|within) /), `${rule} fires`).toContain("B");
      expect(letters(rule, /^always incidents/), `${rule} must not`).toContain("none");
    }
    expect(RULES).toContain(BY_RECORDER);
  });

  async function after30s(
    diskPct: number,
    quotaBytes: number,
  ): Promise<{ readonly rig: GatewayRig; readonly storage: readonly unknown[] }> {
    const rig = await startRig({ running: true, storage: { quotaBytes, diskUsedPct: () => diskPct } });
    await rig.clock.advanceSettled(30_000);
    const { items } = (await rig.get("/api/incidents")).body as { items: { rule_id: string }[] };
    return { rig, storage: items.filter(({ rule_id }) => rule_id === BY_RECORDER) };
  }

  test("rules - RECORD_STORAGE_HIGH fires at 90 % of the disk after two readings ten seconds apart, not at 89.99 %", async () => {
    const full = await after30s(90, 1e12);
    expect(full.storage).toMatchObject([{ letter: "B", severity: "W", value: 90, limit: 90, opened_ms: Date.UTC(2026, 0, 1, 0, 0, 10) }]);
    const readings = full.rig.heard.filter(({ subject }) => subject === "qiki.events.v1.record.storage");
    expect(readings.map(({ payload }) => [payload.tick, payload.used_pct])).toEqual([100, 200, 300].map((tick) => [tick, 90]));
    expect((await after30s(89.99, 1e12)).storage).toEqual([]);
  });

  test("rules - RECORD_STORAGE_HIGH counts what recordings take of their quota", async () => {
    const rig = await startRig({ running: true, storage: { quotaBytes: 20_000, diskUsedPct: () => 1 } });
    const cookie = await rig.login("anna");
    const begun = rig.post("/api/recordings", { path: "big.jsonl" }, { cookie });
    await rig.clock.advanceSettled(100);
    await begun;
    await expect
      .poll(
        async () => {
          await rig.clock.advanceSettled(10_000);
          const { items } = (await rig.get("/api/incidents")).body as { items: { rule_id: string; value: number }[] };
          return items.find(({ rule_id }) => rule_id === BY_RECORDER)?.value;
        },
        { timeout: 20_000 },
      )
      .toBe(100);
  });
});
