import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RadarTrackWire, TRACK_STATUSES } from "#contracts/radar.ts";
import { CHROMIUM } from "./running-twin.ts";
import { openBrowser, openScreens, type ScreenRig } from "./screen-rig.ts";

/** One contact vanishes and coasts, another stays; later the bus overload takes the radar's power. */
const TROUBLE = `
name: radar-trouble
profile: profiles/shipped.json
timeline:
  - { at: 11s, do: command, name: sim.pause }
  - { at: 12s, do: command, name: power.nbl.set_max, params: { max_power_w: 60 } }
  - { at: 12s, do: command, name: sim.drive.set, params: { speed_mps: 1 } }
contacts:
  - id: gone
    type: SHIP
    fluctuation: steady
    disappear_s: 8.5
    trajectory: { kind: constant_velocity, at: { x: -400, y: 200, z: 0 }, velocity: { x: 6, y: 0, z: 0 } }
  - id: stays
    type: SHIP
    fluctuation: steady
    trajectory: { kind: constant_velocity, at: { x: 400, y: 200, z: 0 }, velocity: { x: -6, y: 0, z: 0 } }
`;

const folder = mkdtempSync(join(tmpdir(), "qiki-radar-"));
let browser: Browser;
let docked: ScreenRig;
let close: ScreenRig;
let trouble: ScreenRig;

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  writeFileSync(join(folder, "trouble.yaml"), TROUBLE);
  browser = await openBrowser();
  [docked, close, trouble] = await Promise.all([
    openScreens(browser, []),
    openScreens(browser, ["--scenario", "scenarios/close_pass.yaml", "--stopped"]),
    openScreens(browser, ["--scenario", join(folder, "trouble.yaml"), "--stopped"]),
  ]);
  await close.signIn("anna");
  await trouble.signIn("boris");
  for (const rig of [docked, close, trouble]) await rig.open("radar");
});

afterAll(async () => {
  for (const rig of [docked, close, trouble]) await rig?.close();
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const [TRACKED, COASTING] = [TRACK_STATUSES.indexOf("TRACKED"), TRACK_STATUSES.indexOf("COASTING")];
const FIELDS = ["range_m", "bearing_deg", "elev_deg", "vr_mps", "quality"] as const;

async function tracksOf({ twin }: ScreenRig): Promise<Readonly<Record<string, RadarTrackWire>>> {
  const answer = await fetch(`${twin.url}/api/state?topics=tracks`);
  const { topics } = (await answer.json()) as { topics: { tracks: Readonly<Record<string, { v: RadarTrackWire }>> } };
  return Object.fromEntries(Object.entries(topics.tracks).map(([id, { v }]) => [id, v]));
}

/** What the plan is made of: how many targets it has, and why it has none. */
function planOf(page: Page): Promise<{ drawn: string | null; empty: string | null; none: string | null }> {
  return page.locator(".radar-plan").evaluate((plan) => ({
    drawn: plan.getAttribute("data-drawn"),
    empty: plan.getAttribute("data-empty"),
    none: plan.getAttribute("data-none"),
  }));
}

/** The part of a canvas that this file needs; tests know no DOM. */
interface Canvas {
  readonly width: number;
  readonly height: number;
  getContext(kind: "2d"): { getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray } };
}

/** Grey levels around a track on the canvas, 24 × 24. */
async function greyAround(page: Page, { position }: RadarTrackWire): Promise<readonly number[]> {
  const [radius, unit] = (await page.getByTestId("radius").innerText()).split(" ") as [string, string];
  const radiusM = Number(radius) * (unit === "km" ? 1000 : 1);
  return page.getByTestId("radar-canvas").evaluate(
    (element, { x, y, radiusM: farM }) => {
      const canvas = element as unknown as Canvas;
      const { width, height } = canvas;
      const scale = (Math.min(width, height) / 2 - 16) / farM;
      const [left, top] = [Math.round(width / 2 + x * scale) - 12, Math.round(height / 2 - y * scale) - 12];
      const { data } = canvas.getContext("2d").getImageData(left, top, 24, 24);
      return Array.from({ length: 576 }, (_, at) => (data[4 * at]! * 0.3 + data[4 * at + 1]! * 0.59 + data[4 * at + 2]! * 0.11) / 255);
    },
    { x: position!.x, y: position!.y, radiusM },
  );
}

describe.skipIf(CHROMIUM === undefined)("the radar screen", () => {
  test("RV-003 stopped - before the first run there is no picture, and it says that the simulation stands still", async () => {
    expect(await planOf(trouble.page)).toMatchObject({ drawn: "0", empty: "stopped" });
    expect(await trouble.page.getByTestId("radar-empty").innerText()).toMatch(/NO PICTURE\s+The simulation stands still/);
    expect(await trouble.page.locator("tr[data-track]").count()).toBe(0);
  });

  test("default scenario - three confirmed tracks, friend, unknown and far, with the values of the gateway's state", async () => {
    const { page } = docked;
    await page.locator('.radar-plan[data-drawn="3"]').waitFor({ timeout: 15_000 });
    await page.locator('tr[data-status="TRACKED"]').nth(2).waitFor();
    await docked.signIn("carl");
    await docked.command("sim.pause");
    await page.getByText("time stands still").waitFor();
    await page.locator("tr[data-track]").nth(2).waitFor();
    const tracks = Object.values(await tracksOf(docked));
    // One that was not seen in the last scan coasts at this moment; it is confirmed all the same.
    expect(tracks.map(({ status }) => status === COASTING || status === TRACKED)).toEqual([true, true, true]);
    for (const track of tracks) {
      const row = page.locator(`tr[data-track="${track.track_id}"]`);
      for (const field of FIELDS) {
        const told = await row.locator(`[data-field="${field}"]`).getAttribute("data-value");
        expect(JSON.parse(told!), `${field} of ${track.track_id}`).toBe(track[field]);
      }
    }
    const words = (await page.locator("tr[data-track]").allInnerTexts()).join("\n");
    expect(words).toMatch(/ALLY-7F3A21\s+(TRK|CST)\s+FRD\s+SR/);
    expect(words).toMatch(/(TRK|CST)\s+UNK\s+LR\s+60\.\d\d km/);
    expect(await page.getByTestId("radar-health").innerText()).toMatch(/LR\+SR looked.*Tracker OK/s);
  });

  test("keyboard and pointer - g r opens it, ] selects, a click on the plan selects, + and − zoom, arrows pan, f holds all", async () => {
    const { page } = docked;
    await docked.open("power");
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.locator('main[data-screen="radar"]').waitFor();
    const first = page.locator("tr[data-track]").first();
    // The screen comes with its frame first; there is something to select once it has drawn tracks.
    await first.waitFor();
    await page.keyboard.press("]");
    await page.locator('tr[aria-selected="true"]').waitFor();
    expect(await first.getAttribute("aria-selected")).toBe("true");
    const details = page.getByTestId("track-details");
    expect(await details.innerText()).toContain((await first.getAttribute("data-track"))!);
    const radius = page.getByTestId("radius");
    const before = await radius.innerText();
    await page.keyboard.press("f");
    await radius.getByText("100 km").waitFor();
    await page.keyboard.press("+");
    await radius.getByText("50 km").waitFor();
    await page.keyboard.press("0");
    await radius.getByText(before, { exact: true }).waitFor();
    const ally = Object.values(await tracksOf(docked)).find(({ iff }) => iff === 1)!;
    const canvas = page.getByTestId("radar-canvas");
    const box = (await canvas.boundingBox())!;
    const scale = (Math.min(box.width, box.height) / 2 - 16) / (Number.parseFloat(before) * 1000);
    await canvas.click({ position: { x: box.width / 2 + ally.position!.x * scale, y: box.height / 2 - ally.position!.y * scale } });
    await page.locator(`tr[data-track="${ally.track_id}"][aria-selected="true"]`).waitFor();
    expect(await details.innerText()).toMatch(/Says it is\s+ALLY-7F3A21/);
    expect(docked.problems).toEqual([]);
  });

  test("WEB-015 close pass - the zone's alarm opens on the track; zones are those of the rules in force", async () => {
    const { page } = close;
    expect((await (await fetch(`${close.twin.url}/api/state?topics=guards`)).json()) as unknown).toMatchObject({
      topics: { guards: { UNKNOWN_CONTACT_CLOSE: { v: { max_range_m: 70, hysteresis_m: 5 } } } },
    });
    await close.command("sim.start", { speed: 5 });
    const top = page.getByTestId("top-incident");
    await top.getByText("Unknown contact close").waitFor({ timeout: 15_000 });
    // The track is called by its handle; the id is in the list's details.
    expect(await top.innerText()).toMatch(/Unknown contact close 10:0 /);
    const [id] = Object.keys(await tracksOf(close));
    await top.click();
    const row = page.locator(`[data-incident="UNKNOWN_CONTACT_CLOSE:${id}"]`);
    expect(await row.locator(".headline").innerText()).toMatch(/\b10:0\b/);
    expect(await row.locator(".headline").innerText()).not.toContain(id);
    expect(await row.locator(".facts").innerText()).toContain(id);
    await close.open("radar");
    await page.keyboard.press("]");
    await page.getByTestId("track-incident").getByText("Unknown contact close").waitFor();
    await page.locator("tr[data-track] .symbol.serious").first().waitFor();
    expect(close.problems).toEqual([]);
  });

  test("RV-006 coasting - what is no longer seen differs in outline, word and label from what is", async () => {
    const { page } = trouble;
    await trouble.command("sim.start", { speed: 2 });
    await page.getByTestId("sim-state").getByText("PAUSE").waitFor({ timeout: 12_000 });
    await page.locator('tr[data-status="COASTING"]').waitFor();
    expect(await page.locator('tr[data-status="COASTING"]').innerText()).toContain("CST");
    expect(await page.getByTestId("track-counts").innerText()).toBe("1 TRACKED · 1 COASTING");
    const tracks = Object.values(await tracksOf(trouble));
    const [tracked, coasting] = await Promise.all(
      [TRACKED, COASTING].map((status) => greyAround(page, tracks.find((one) => one.status === status)!)),
    );
    const differs = tracked!.filter((grey, at) => Math.abs(grey - coasting![at]!) > 0.2).length;
    expect(differs).toBeGreaterThan(12);
  });

  test("RV-003 power cut - the picture empties with the reason and what brings it back; the selected track ends", async () => {
    const { page } = trouble;
    await page.keyboard.press("]");
    expect(await trouble.command("sim.start", { speed: 1 })).toMatchObject({ stage: "APPLIED" });
    await page.locator('.radar-plan[data-empty="unpowered"]').waitFor();
    const words = await page.getByTestId("radar-empty").innerText();
    expect(words).toMatch(/NO PICTURE\s+The radar has no power/);
    expect(words).toMatch(/≤ 12\d\.\d W held for 5 s/);
    expect(await planOf(page)).toMatchObject({ drawn: "0" });
    expect(await page.locator("tr[data-track]").count()).toBe(0);
    expect(await page.getByTestId("track-details").innerText()).toContain("not shown now");
    await trouble.command("sim.reset");
    await page.locator('[data-testid="track-details"][data-selection="ended"]').waitFor();
    expect(trouble.problems).toEqual([]);
  });

  test("no text is cut at 1280 px in either language", async () => {
    const { page } = docked;
    for (const language of ["en", "ru"]) {
      if (language === "ru") await page.keyboard.press("Control+Shift+L");
      const tooWide = await page
        .locator(".radar-scroll, .radar-details, .radar-plan, main")
        .evaluateAll((all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.className));
      expect(tooWide, language).toEqual([]);
    }
    await page.keyboard.press("Control+Shift+L");
  });

  test("VM-001 lost link - the picture loses its hue and tells its age once", async () => {
    const { page } = docked;
    await docked.twin.stop("SIGKILL");
    await page.locator("main.data-old").waitFor({ timeout: 8000 });
    const field = page.locator(".radar-field");
    expect(await field.evaluate((element) => element.ownerDocument.defaultView.getComputedStyle(element).filter)).toBe("grayscale(1)");
    expect(await page.locator(".radar-plan .stale-mark").innerText()).toMatch(/◷ \d/);
    await page.locator("tr[data-track][data-aged]").nth(2).waitFor();
  });
});
