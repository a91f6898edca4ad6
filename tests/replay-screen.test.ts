import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { CHROMIUM } from "./running-twin.ts";
import { openBrowser, openScreens, type ScreenRig } from "./screen-rig.ts";

const WAIT = { timeout: 30_000, interval: 100 };
let browser: Browser;
let rig: ScreenRig;

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  browser = await openBrowser();
  rig = await openScreens(browser, ["--scenario", "scenarios/close_pass.yaml"]);
  await rig.signIn("anna");
  await rig.command("sim.start", { speed: 20 });
  await reached(700);
  await rig.command("power.nbl.set_max", { max_power_w: 7 });
  await reached(900);
  await rig.command("sim.start", { speed: 1 });
});

afterAll(async () => {
  await rig?.close();
  await browser?.close();
});

/** The run has come past a tick, and its recording holds it. */
async function reached(tick: number): Promise<void> {
  await vi.waitFor(() => expect(telemetryAt(Number.POSITIVE_INFINITY)?.tick ?? 0).toBeGreaterThan(tick), WAIT);
}

interface Row {
  readonly subject: string;
  readonly tick?: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Rows of the twin's recording as far as it is written. */
function rows(): readonly Row[] {
  const folder = join(rig.twin.dataFolder, "recordings");
  const text = readFileSync(join(folder, readdirSync(folder)[0]!), "utf8");
  return text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
}

/** The newest telemetry of a tick or before. */
function telemetryAt(tick: number): { readonly tick: number; readonly power: { readonly soc_pct: number } } {
  return rows().findLast(({ subject, data }) => subject === "qiki.telemetry" && (data.tick as number) <= tick)?.data as never;
}

async function openReplay(page: Page): Promise<void> {
  if ((await page.getByTestId("go-live").count()) > 0) await page.getByTestId("go-live").click();
  await rig.open("recordings");
  await page.getByTestId("open-replay").click();
  await page.locator('[data-testid="replay-bar"][data-state="ready"]').waitFor();
}

async function scrubTo(page: Page, tick: number): Promise<void> {
  await page.getByTestId("scrubber").evaluate((element, to) => {
    const input = element as unknown as { value: string; dispatchEvent(event: object): void };
    const { Event: DomEvent } = globalThis as unknown as { Event: new (type: string, options: object) => object };
    input.value = String(to);
    input.dispatchEvent(new DomEvent("input", { bubbles: true }));
  }, tick);
}

const tickShown = async (page: Page): Promise<number> => Number((await page.getByTestId("tick").innerText()).slice(1));

describe.skipIf(CHROMIUM === undefined)("a recording on the screens", () => {
  test("REP-009 WEB-018 replay - banner, the recorded values on the same screens, no way to command; the live console is unaffected", async () => {
    const { page } = rig;
    await rig.open("recordings");
    await page
      .locator("tr[data-recording]")
      .getByText(/\d+ · being written/)
      .waitFor();
    await openReplay(page);
    expect(await page.getByTestId("replay-banner").innerText()).toContain("REPLAY");
    expect(await page.locator("#app.replaying").count()).toBe(1);
    await scrubTo(page, 450);
    await expect.poll(() => tickShown(page), WAIT).toBe(telemetryAt(450).tick);
    await rig.open("power");
    const soc = page.locator('[data-path="power.soc_pct"]').first();
    expect(JSON.parse((await soc.getAttribute("data-value"))!)).toBe(telemetryAt(450).power.soc_pct);
    expect(await soc.getAttribute("data-stale")).toBeNull();
    await rig.open("radar");
    await page.locator("tr[data-track]").waitFor();
    expect(await page.locator("tr[data-track]").innerText()).toContain("TRK");
    await rig.open("incidents");
    await page.locator('[data-letter="E"]').waitFor();
    expect(await page.locator("[data-op]").count()).toBe(0);

    await rig.open("commands");
    await page.locator('[data-command="sim.pause"]').click();
    await page.getByTestId("view-only").waitFor();
    expect(await page.getByTestId("send").isDisabled()).toBe(true);
    // The bar's alarms are what is now, and their list may be acknowledged.
    await page.getByTestId("alarm-counts").click();
    await page.locator("[data-op]").first().waitFor();

    const other = await page.context().newPage();
    await other.goto(`${rig.twin.url}/`);
    await other.locator(".chip.live").waitFor();
    expect(await other.getByTestId("replay-banner").count()).toBe(0);
    const liveTick = await tickShown(other);
    expect(liveTick).toBeGreaterThanOrEqual(900);
    await expect.poll(() => tickShown(other), WAIT).toBeGreaterThan(liveTick);
    await other.close();
    await page.getByTestId("go-live").click();
    await page.locator(".chip.live").waitFor();
    expect(await page.getByTestId("replay-bar").count()).toBe(0);
    await expect.poll(async () => ((await (await fetch(`${rig.twin.url}/api/replays`)).json()) as { items: [] }).items, WAIT).toEqual([]);
    expect(rig.problems).toEqual([]);
  });

  test("REP-009 player - it plays at its speed and stands still without growing old; keys step, and go from event to event", async () => {
    const { page } = rig;
    await openReplay(page);
    await scrubTo(page, 300);
    await expect.poll(() => tickShown(page), WAIT).toBe(telemetryAt(300).tick);
    await page.getByTestId("replay-speed").selectOption("50");
    await page.locator("main").focus();
    await page.keyboard.press("Space");
    await expect.poll(() => tickShown(page), WAIT).toBeGreaterThan(500);
    await page.keyboard.press("Space");
    await page.getByTestId("replay-banner").getByText("stands still").waitFor();
    await page.getByTestId("data").getByText("OK").waitFor();
    const bar = page.getByTestId("replay-bar");
    const at = async (): Promise<number> => Number(await bar.getAttribute("data-at"));
    const stood = await at();
    await page.keyboard.press(".");
    await expect.poll(at, WAIT).toBeGreaterThan(stood);
    await page.keyboard.press("{");
    await expect.poll(at, WAIT).toBeLessThan(stood);
    const earlier = await at();
    await page.keyboard.press("}");
    await expect.poll(at, WAIT).toBeGreaterThan(earlier);
    await page.getByTestId("replay-speed").selectOption("max");
    await page.getByTestId("replay-play").click();
    await expect.poll(async () => (await at()) === Number(await bar.getAttribute("data-last")), WAIT).toBe(true);
    await rig.open("commands");
    expect(await page.locator("tr[data-row]").allInnerTexts()).toContainEqual(
      expect.stringMatching(/anna\s+NBL limit max_power_w=7\s+● sent\s+● applied\s+● Effect/),
    );
    await page.getByTestId("go-live").click();
    expect(rig.problems).toEqual([]);
  });

  test("replays - what is wrong is refused in words, another's is not to be moved, one that is gone sends the console back to LIVE", async () => {
    const { page } = rig;
    const { request } = page.context();
    const post = async (path: string, data: object) => {
      const answer = await request.post(`${rig.twin.url}/api/replays${path}`, { data });
      return { status: answer.status(), body: (await answer.json()) as Readonly<Record<string, string>> };
    };
    expect(await post("", {})).toMatchObject({ status: 422, body: { path: "source" } });
    expect(await post("", { source: { recording: "none" } })).toMatchObject({ status: 404 });
    const [id] = rows().flatMap(({ data }) => (typeof data.recording_id === "string" ? [data.recording_id] : []));
    expect(await post("", { source: { recording: id }, from_tick: -1 })).toMatchObject({ status: 422, body: { path: "from_tick" } });
    const { body } = await post("", { source: { recording: id } });
    for (const [op, path] of [
      [{ op: "fly" }, "op"],
      [{ op: "seek", tick: 1.5 }, "tick"],
      [{ op: "speed", speed: 0 }, "speed"],
      [{ op: "speed", speed: 100.5 }, "speed"],
      [{ op: "step", by: "leap" }, "by"],
    ] as const)
      expect(await post(`/${body.id}/control`, op), JSON.stringify(op)).toMatchObject({ status: 422, body: { path } });
    expect(await post("/nowhere/control", { op: "play" })).toMatchObject({ status: 404 });
    const asGuest = await fetch(`${rig.twin.url}/api/replays/${body.id}/control`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ op: "pause" }),
    });
    expect(asGuest.status).toBe(403);

    await openReplay(page);
    const { items } = (await (await request.get(`${rig.twin.url}/api/replays`)).json()) as { items: { id: string }[] };
    for (const one of items)
      await request.delete(`${rig.twin.url}/api/replays/${one.id}`, { headers: { "content-type": "application/json" } });
    await page.locator(".chip.live").waitFor({ timeout: 20_000 });
    await rig.open("recordings");
    expect(await page.locator(".problem").innerText()).toContain("no longer has this replay");
  });
});
