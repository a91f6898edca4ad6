import { readdirSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CHROMIUM, CHROMIUM_ARGS, qiki, ROOT, removeFolder, type RunningTwin, startTwin } from "./running-twin.ts";

const SCREENSHOTS = join(ROOT, "test-results");
const COMMENT = "limit was set too high";
let twin: RunningTwin;
let browser: Browser;
let page: Page;
const problems: string[] = [];

if (CHROMIUM === undefined)
  process.stdout.write(
    "\n!!! Chromium is not on this machine: the browser test is skipped. Install it with: apt-get install -y chromium\n",
  );

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  twin = await startTwin(["--scenario", "scenarios/overload.yaml"]);
  browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGS });
  page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("console", (message) => {
    if (message.type() === "error" || /Content Security Policy/.test(message.text())) problems.push(message.text());
  });
  page.on("pageerror", (error) => problems.push(error.message));
});

afterAll(async () => {
  await browser?.close();
  await twin?.stop("SIGKILL");
  if (twin !== undefined) removeFolder(twin.dataFolder);
});

/** An attribute of every audit row shown, newest first. */
const auditRows = (attribute: string): Promise<(string | null)[]> =>
  page.locator("tr[data-kind]").evaluateAll((rows, name) => rows.map((row) => row.getAttribute(name)), attribute);

const shot = (name: string): Promise<unknown> => page.screenshot({ path: join(SCREENSHOTS, `${name}.png`) });

test.skipIf(CHROMIUM === undefined)(
  "north star - overload is seen, explained, commanded away, acknowledged, audited and proved",
  { timeout: 90_000 },
  async () => {
    // Truth reaches the screen without anybody signing in.
    await page.goto(`${twin.url}/`);
    await page.getByTestId("sim-state").getByText("RUN").waitFor({ timeout: 5000 });
    await page.getByTestId("data").getByText("OK").waitFor();

    // The NBL is shed, and the screen says why and what restores it.
    await page.locator('[data-load="nbl"][data-state="SHED"], .load[data-state="SHED"]').first().waitFor({ timeout: 15_000 });
    await page.keyboard.press("w");
    const card = page.getByTestId("why").locator('[data-explain="shed:nbl:pdu_overcurrent"]');
    await card.waitFor();
    expect(await card.locator(".restores").innerText()).toMatch(/≤ \d+\.\d W .*5 s/);
    await page.getByTestId("top-incident").getByText("Bus overload").waitFor({ timeout: 15_000 });
    await shot("overview-overload");

    // The operator signs in and sends the command from the console.
    await page.getByTestId("sign-in").click();
    await page.getByTestId("name").fill("anna");
    await page.keyboard.press("Enter");
    await page.getByTestId("who").getByText("anna").waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.locator('[data-load="nbl"][data-state="SHED"]').waitFor();
    await shot("power-overload");
    await page.keyboard.press("g");
    await page.keyboard.press("c");
    await page.locator('[data-command="power.nbl.set_max"]').click();
    await page.locator('input[name="max_power_w"]').fill("10");
    await page.getByTestId("send").click();
    await page.getByTestId("send").click();
    const stages = page.locator("table .stages").first();
    await page.locator('table .stages[data-stage="EFFECT_CONFIRMED"]').first().waitFor({ timeout: 10_000 });
    const requestId = await stages.getAttribute("data-request");
    await shot("commands-confirmed");

    // The NBL comes back after its restore delay, and the condition ends.
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.locator('[data-load="nbl"][data-state="ON"]').waitFor({ timeout: 20_000 });
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    const overload = page.locator('[data-incident="POWER_BUS_OVERLOAD:main"]');
    await page.locator('[data-incident="POWER_BUS_OVERLOAD:main"][data-letter="E"]').waitFor({ timeout: 20_000 });
    await shot("incidents-ended");

    // Acknowledge with a comment, then clear.
    await overload.locator('[data-op="ack"]').click();
    await page.getByTestId("comment").fill(COMMENT);
    await page.getByTestId("confirm-op").click();
    await page.locator('[data-incident="POWER_BUS_OVERLOAD:main"][data-letter="F"]').waitFor();
    expect(await overload.getByTestId("acked-by").innerText()).toContain("anna");
    await overload.locator('[data-op="clear"]').click();
    await page.getByTestId("comment").fill("load is back within the limit");
    await page.getByTestId("confirm-op").click();
    await page.locator('[data-incident="POWER_BUS_OVERLOAD:main"][data-letter="A"]').waitFor();

    // The audit trail shows every step, the command's under one request id.
    await page.keyboard.press("g");
    await page.keyboard.press("u");
    await page.getByTestId("audit-filter").fill(requestId!);
    await expect.poll(() => auditRows("data-request"), { timeout: 5000 }).toEqual([requestId, requestId]);
    expect(await auditRows("data-kind")).toEqual(["command_effect", "command_result"]);
    await page.getByTestId("audit-filter").fill("POWER_BUS_OVERLOAD:main");
    const steps = ["incident_clear", "incident_ack", "incident_rtn", "incident_open"];
    await expect.poll(() => auditRows("data-kind"), { timeout: 5000 }).toEqual(steps);
    await page.getByTestId("verify-chain").click();
    await page.getByTestId("chain-verdict").getByText("OK").waitFor();
    await shot("audit-chain");

    // The other language, without a reload.
    await page.getByTestId("language").click();
    await page.getByRole("heading", { level: 1, name: "Аудит" }).waitFor();
    await shot("audit-russian");
    expect(problems).toEqual([]);

    // Stop in order; the recording proves itself.
    const stopped = await twin.stop("SIGINT");
    expect(stopped.code).toBe(0);
    const recording = join(twin.dataFolder, "recordings", readdirSync(join(twin.dataFolder, "recordings"))[0]!);
    expect(stopped.output).toContain(recording);
    const verified = await qiki(["verify", recording]);
    expect(verified.stdout + verified.stderr).toMatch(/^identical: \d+ ticks, \d+ messages, hash [0-9a-f]{32}\n$/);
    expect(verified.code).toBe(0);
  },
);
