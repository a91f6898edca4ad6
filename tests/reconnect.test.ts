import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, expect, test } from "vitest";
import { CHROMIUM, CHROMIUM_ARGS, removeFolder, type RunningTwin, startTwin } from "./running-twin.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-reconnect-"));
let twin: RunningTwin | undefined;
let browser: Browser | undefined;

afterAll(async () => {
  await browser?.close();
  await twin?.stop("SIGKILL");
  removeFolder(folder);
});

test.skipIf(CHROMIUM === undefined)(
  "console - a killed twin turns every value stale and the link lost; a new one is picked up without a reload",
  { timeout: 90_000 },
  async () => {
    twin = await startTwin(["--scenario", "scenarios/default.yaml"], folder);
    const { port } = new URL(twin.url);
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: CHROMIUM_ARGS });
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(`${twin.url}/`);
    await page.locator('[data-path="power.soc_pct"][data-value]:not([data-stale])').first().waitFor();

    await twin.stop("SIGKILL");
    expect(faults).toEqual([]);
    // Published each second: stale after 2.5 s, and the link is known to be lost.
    await page.locator('[data-path="power.soc_pct"][data-stale]').first().waitFor({ timeout: 10_000 });
    await page.getByTestId("link").getByText("LOST").waitFor({ timeout: 10_000 });
    expect(await page.locator("[data-path][data-value]:not([data-stale])").count()).toBe(0);
    await page.getByRole("alert").waitFor();
    await page.screenshot({ path: join(import.meta.dirname, "../test-results/link-lost.png") });

    // The chain and the folder were killed in mid-air; both must be usable again.
    twin = await startTwin(["--scenario", "scenarios/default.yaml", "--port", port], folder);
    await page.locator('[data-path="power.soc_pct"][data-value]:not([data-stale])').first().waitFor({ timeout: 20_000 });
    await page.getByTestId("link").getByText("OK").waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
  },
);
