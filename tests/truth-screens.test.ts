import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DICTIONARY } from "#contracts/dictionary.ts";
import { CHROMIUM } from "./running-twin.ts";
import { openBrowser, openScreens, type ScreenRig } from "./screen-rig.ts";

/** Undocked: a trip at once, sheds by limit and by heat, a throttled drive, a stuck IMU while a dead thruster turns the craft. */
const TROUBLE = `
name: trouble
profile: profiles/shipped.json
set:
  power_plane.dock_connected_init: false
  sensor_plane.star_tracker.enabled: true
  sensor_plane.star_tracker.locked_init: false
init: { temps: { core: 96, pdu: 88 } }
timeline:
  - { at: 1s, do: fault, kind: stuck_sensor, target: imu }
  - { at: 1s, do: fault, kind: thruster_dead, target: 4 }
  - { at: 2s, do: input, radiation_usvh: 1.5 }
  - { at: 3s, do: command, name: sim.rcs.fire, params: { axis: forward, pct: 60, duration_s: 300 } }
  - { at: 3s, do: command, name: sim.drive.set, params: { speed_mps: 1 } }
  - { at: 9s, do: command, name: sim.pause }
`;
const SCREENS = ["power", "thermal", "motion", "propulsion", "comms", "docking", "sensors"] as const;
/** What is shown in pictures and tables of their own. */
const ELSEWHERE = /^thermal\.nodes\[\]\.(?!temp_c)|^explain$/;
/** Blocks whose every value must be somewhere on the screens. */
const BLOCKS =
  /^(position|velocity|heading|attitude|motion|power|power_detail|thermal|temp_|comms|propulsion|docking|sensor_plane|hull|orbit)/;

/** A bus that its base load alone overloads, and no comms: nothing is left to cut. */
const NOTHING_LEFT = `
name: nothing-left
profile: profiles/test/pdu_overcurrent.json
set: { comms_plane.enabled: false }
`;

const folder = mkdtempSync(join(tmpdir(), "qiki-screens-"));
let browser: Browser;
let docked: ScreenRig;
let bare: ScreenRig;
let trouble: ScreenRig;

beforeAll(async () => {
  if (CHROMIUM === undefined) return;
  const scenario = (name: string, text: string): string[] => {
    writeFileSync(join(folder, name), text);
    return ["--scenario", join(folder, name)];
  };
  browser = await openBrowser();
  [docked, bare, trouble] = await Promise.all([
    openScreens(browser, []),
    openScreens(browser, scenario("nothing-left.yaml", NOTHING_LEFT)),
    openScreens(browser, [...scenario("trouble.yaml", TROUBLE), "--stopped"]),
  ]);
  await docked.signIn("anna");
  await bare.signIn("boris");
  // The page watches from the first tick on: rates and trends need a past.
  await trouble.signIn("clara");
  await trouble.command("sim.start");
});

afterAll(async () => {
  for (const rig of [docked, bare, trouble]) await rig?.close();
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(CHROMIUM === undefined)("what an operator does and then sees", () => {
  const shows = (page: Page, path: string): Promise<string | null> =>
    page.locator(`main [data-path="${path}"]`).first().getAttribute("data-value");

  test("WEB-004 burn - forward 35 % for 2 s is armed and sent; time runs out, propellant is less, the effect is seen; stop ends one midway", async () => {
    const { page, open } = docked;
    await open("propulsion");
    await page.locator(".actions button").first().click();
    await page.locator('select[name="axis"]').selectOption("forward");
    await page.locator('input[name="pct"]').fill("35");
    await page.locator('input[name="duration_s"]').fill("2");
    await page.getByTestId("send").click();
    await page.locator('[data-testid="send-armed"]:enabled').click();
    await open("propulsion");
    await page.locator('[data-testid="burn"][data-active="true"]').waitFor();
    expect(await page.getByTestId("burn").innerText()).toContain("BURNING forward");
    expect(Number(await shows(page, "propulsion.rcs.time_left_s"))).toBeLessThan(2);
    await page.locator('[data-testid="burn"][data-active="false"]').waitFor({ timeout: 5000 });
    expect(await shows(page, "propulsion.rcs.time_left_s")).toBe("0");
    expect(Number(await shows(page, "propulsion.fuel_pct"))).toBeLessThan(100);
    await page.locator('[data-testid="last-command"] [data-stage="EFFECT_CONFIRMED"]').waitFor();

    await docked.command("sim.rcs.fire", { axis: "up", pct: 10, duration_s: 300 });
    await page.locator('[data-testid="burn"][data-active="true"]').waitFor();
    expect(Number(await shows(page, "propulsion.rcs.time_left_s"))).toBeGreaterThan(200);
    await docked.command("sim.rcs.stop");
    await page.locator('[data-testid="burn"][data-active="false"]').waitFor();
    expect(await shows(page, "propulsion.rcs.axis")).toBeNull();
  });

  test("WEB-005 transponder - SILENT has no identity and draws nothing; a craft without comms says so and refuses", async () => {
    await docked.command("sim.xpdr.mode", { mode: "SILENT" });
    const { page, open } = docked;
    await open("comms");
    await page.locator('[data-reason="COMMS_DEGRADED"]').waitFor();
    const id = page.locator('main [data-path="comms.xpdr.id"]').first();
    expect([await id.getAttribute("data-absent"), (await id.innerText()).slice(0, 1)]).toEqual(["null_from_source", "—"]);
    expect(await shows(page, "power.loads_w.transponder")).toBe("0");
    await docked.command("sim.xpdr.mode", { mode: "ON" });

    await bare.open("comms");
    expect(await bare.page.locator('[data-reason="COMMS_NOT_IMPLEMENTED"]').innerText()).toContain("this craft has no comms");
    expect(await bare.page.locator('[data-part="link"]').getAttribute("data-state")).toBe("offline");
    expect(await bare.command("sim.xpdr.mode", { mode: "ON" })).toMatchObject({ stage: "REJECTED", code: "comms_disabled" });
    await bare.page.locator('[data-testid="last-command"] [data-stage="REJECTED"]').waitFor();
  });

  test("WEB-007 overload - nbl, radar, transponder go in this order, each with its limit and its way back; alarms; nbl off ends its demand", async () => {
    const { page, open, telemetry } = docked;
    await open("power");
    const row = (load: string, state: string): Locator => page.locator(`.feeder-row[data-load="${load}"][data-state="${state}"]`);
    await row("transponder", "ON").waitFor();
    await docked.command("power.nbl.set_max", { max_power_w: 60 });
    await row("nbl", "SHED").waitFor();
    expect([await row("radar", "ON").count(), await row("transponder", "ON").count()]).toEqual([1, 1]);
    await docked.command("sim.drive.set", { speed_mps: 1 });
    await row("radar", "SHED").waitFor();
    expect(await row("transponder", "ON").count()).toBe(1);
    await docked.command("sim.rcs.fire", { axis: "up", pct: 30, duration_s: 60 });
    await row("transponder", "SHED").waitFor();
    const sheds = (await telemetry())("power_detail.sheds") as { load: string; since_tick: number }[];
    expect(sheds.toSorted((a, b) => a.since_tick - b.since_tick).map((shed) => shed.load)).toEqual(["nbl", "radar", "transponder"]);
    for (const { load } of sheds)
      expect(await row(load, "SHED").locator("[data-explain]").innerText()).toMatch(/≤ 12\d\.\d W held for 5 s/);
    await page.getByTestId("top-incident").getByText("Bus overload").waitFor();

    await docked.command("power.nbl.off");
    await row("nbl", "OFF").waitFor();
    expect(await row("nbl", "OFF").innerText()).not.toContain("SHED");

    // The PDU alarm is only for a bus with nothing left to cut.
    await open("incidents");
    expect(await page.locator('[data-incident="POWER_PDU_OVERCURRENT:main"]').count()).toBe(0);
    await bare.page.getByTestId("top-incident").getByText("PDU overcurrent").waitFor();
    await bare.open("power");
    expect(await bare.page.locator(".supply-reason").first().innerText()).toContain("bus over its limit with nothing left to cut");
    expect(docked.problems.concat(bare.problems)).toEqual([]);
  });
});

describe.skipIf(CHROMIUM === undefined)("truth on the screens", () => {
  let page: Page;
  const open = (screen: string): Promise<void> => trouble.open(screen);

  beforeAll(async () => {
    page = trouble.page;
    await page.getByTestId("sim-state").getByText("PAUSE").waitFor({ timeout: 25_000 });
  });

  test("VM-004 screens - every value is the one of telemetry, every absent one has its reason, nothing of the blocks is left out", async () => {
    const read = await trouble.telemetry();
    expect(read("sim_state.fsm_state")).toBe("PAUSED");
    const seen = new Set<string>();
    for (const screen of SCREENS) {
      await open(screen);
      for (const { path, value, absent, text, isStale } of await trouble.shown()) {
        seen.add(path.replace(/\[[^\]]+\]/g, "[]"));
        const truth = read(path);
        if (truth === undefined) {
          expect(absent, path).toMatch(/^(null_from_source|disabled)$/);
          expect(text, path).toMatch(/^— \S/);
        } else {
          expect(JSON.parse(value ?? "null"), path).toEqual(truth);
          expect(text.trim(), path).not.toBe("");
        }
        // A paused world is frozen, not old.
        expect(isStale, path).toBe(false);
      }
    }
    const missing = DICTIONARY.map(({ path }) => path).filter((path) => BLOCKS.test(path) && !ELSEWHERE.test(path) && !seen.has(path));
    expect(missing).toEqual([]);
  });

  test("VM-004 screens - constants say where they come from", async () => {
    await open("sensors");
    const text = async (path: string): Promise<string> => page.locator(`main [data-path="${path}"]`).first().innerText();
    expect(await text("hull.integrity")).toContain("const: fixture");
    expect(await text("radiation_usvh")).toContain("const: scenario");
    expect(await text("orbit.period_min")).toContain("not modelled");
    expect(await text("cpu_usage")).not.toContain("const");
  });

  test("power - what is shed or throttled says so in words, why, since when and what restores it", async () => {
    const read = await trouble.telemetry();
    await open("power");
    const sheds = read("power_detail.sheds") as { load: string; reason: string; since_tick: number }[];
    const throttled = read("power.throttled_loads") as string[];
    expect(new Set(sheds.map((shed) => shed.load))).toEqual(new Set(["nbl", "radar", "transponder"]));
    expect(new Set(sheds.map((shed) => shed.reason))).toEqual(new Set(["thermal_overheat", "pdu_overcurrent"]));
    expect(throttled).toEqual(["motion"]);
    for (const { load, reason, since_tick: since } of sheds) {
      const row = page.locator(`.feeder-row[data-load="${load}"]`);
      expect(await row.getAttribute("data-state")).toBe("SHED");
      const told = await row.locator(`[data-explain="shed:${load}:${reason}"]`).innerText();
      expect(told).toContain(`t${since} (`);
      expect(told).toMatch(reason === "pdu_overcurrent" ? /≤ 127\.\d W held for 5 s.*left/s : /Temperature ≤ 85\.0 °C/);
      expect(await row.innerText()).toContain("SHED");
      // An open, crossed contact and stripes say it without colour.
      expect(await row.locator(".is-cut .cross").count()).toBe(1);
      expect(await row.locator(".box.cut").count()).toBe(1);
    }
    const drive = page.locator('.feeder-row[data-load="motion"]');
    expect(await drive.getAttribute("data-state")).toBe("THROTTLED");
    const asked = read("power_detail.demand_w.motion") as number;
    expect(await drive.innerText()).toMatch(new RegExp(`W of ${asked} W`));
    expect(await page.getByTestId("residual").innerText()).toContain("0.000 W");
    expect(await page.locator(".scale").innerText()).toMatch(/= \d+ W/);
    expect(await page.locator('[data-imbalance="missing"]').count()).toBe(0);
  });

  test("thermal - nodes stand with warning, trip, band and what a trip cuts; couplings are the profile's", async () => {
    const read = await trouble.telemetry();
    await open("thermal");
    const nodes = read("thermal.nodes") as { id: string; tripped: boolean; warned: boolean; trip_c: number; hys_c: number }[];
    for (const node of nodes) {
      const card = page.locator(`[data-thermal="${node.id}"]`);
      expect(await card.getAttribute("data-state"), node.id).toBe(node.tripped ? "tripped" : node.warned ? "warned" : "nominal");
      expect((await card.locator("text").allTextContents()).join(" "), node.id).toMatch(new RegExp(`W \\d+ +T ${node.trip_c}$`));
    }
    const core = await page.locator('[data-thermal="core"]').innerText();
    expect(core).toMatch(/TRIP/);
    expect(core).toMatch(/°C\/min \(\d+ s\)/);
    expect(core).toMatch(/Trip cuts: NBL/);
    expect(core).toMatch(/Clears at ≤ 85\.0 °C/);
    expect(await page.locator('tr[data-node="pdu"]').innerText()).toMatch(/WARN.*85\s+95\s+5\s.*Radar, Transponder, NBL/s);
    expect(await page.locator("[data-link]").evaluateAll((links) => links.map((link) => link.getAttribute("data-link")))).toEqual([
      "core pdu",
      "pdu supercap",
      "pdu battery",
      "dock_bridge hull",
      "core hull",
    ]);
    expect(await page.locator('[data-link="core pdu"]').textContent()).toMatch(/0\.4 W\/°C→ \d/);
  });

  test("propulsion - the burn, its thrusters and its torque; a stuck IMU contradicts the craft and says so", async () => {
    const read = await trouble.telemetry();
    await open("propulsion");
    expect(await page.getByTestId("burn").getAttribute("data-active")).toBe("true");
    const burning = read("propulsion.rcs.thrusters") as { index: number; valve_open: boolean }[];
    const plumes = page.locator(".thrusters figure").first().locator('[data-open="true"]');
    const open_ = await plumes.evaluateAll((all) => all.map((one) => Number(one.getAttribute("data-thruster"))));
    expect(open_).toEqual(burning.filter((one) => one.valve_open).map((one) => one.index));
    await open("motion");
    expect(await page.locator("[data-rate]").filter({ hasText: "DIFFERS" }).count()).toBeGreaterThan(0);
    await open("sensors");
    expect(await page.locator('[data-sensor="imu"] [data-contradicted]').count()).toBe(1);
    expect(await page.locator('[data-sensor="radiation"]').getAttribute("data-status")).toBe("warn");
    expect(await page.locator('[data-sensor="star_tracker"]').innerText()).toMatch(/WARN.*no lock on stars/s);
    expect(await page.locator('[data-sensor="solar"]').innerText()).toMatch(/N\/A.*disabled/s);
  });

  test("comms - a transponder without power degrades the link, with the reason in words", async () => {
    await open("comms");
    expect(await page.locator('[data-part="link"]').getAttribute("data-state")).toBe("degraded");
    expect(await page.locator('[data-reason="COMMS_POWER_BLOCK"]').innerText()).toContain("the transponder has no power");
    expect(await page.locator('[data-part="transponder"] [data-explain]').count()).toBeGreaterThan(0);
  });

  test("trends - the past is drawn from what this page has seen, one point a second", async () => {
    await open("thermal");
    const plot = page.locator(".trend canvas");
    await plot.waitFor();
    const last = await page.locator(".trend li b").first().innerText();
    const core = ((await trouble.telemetry())("thermal.nodes[id=core].temp_c") as number).toFixed(1);
    expect(last).toBe(core);
  });

  test("keyboard - every screen by its two keys, its rows by j and k, and no text is cut at 1280 px in either language", async () => {
    for (const language of ["en", "ru"]) {
      if (language === "ru") await page.keyboard.press("Control+Shift+L");
      for (const [key, screen] of ["p power", "t thermal", "m motion", "f propulsion", "l comms", "d docking", "s sensors"].map((pair) =>
        pair.split(" "),
      )) {
        await page.keyboard.press("g");
        await page.keyboard.press(key!);
        await page.locator(`main[data-screen="${screen}"]`).waitFor();
        const cut = await page.locator("main *").evaluateAll((all) =>
          all.flatMap((one) => {
            const isHidden =
              one.ownerDocument.defaultView.getComputedStyle(one).overflowX !== "visible" &&
              !one.namespaceURI.endsWith("svg") &&
              one.tagName !== "MAIN";
            return isHidden && one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1 ? [one.textContent] : [];
          }),
        );
        expect(cut, `${screen} ${language}`).toEqual([]);
        const width = await page.locator("main").evaluate((main) => main.scrollWidth - main.clientWidth);
        expect(width, `${screen} ${language}`).toBe(0);
      }
    }
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.locator("tr[data-node]").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    expect(await page.locator("tr:focus").getAttribute("data-node")).toBe("pdu");
    await page.keyboard.press("Control+Shift+L");
    expect(trouble.problems).toEqual([]);
  });

  test("VM-001 lost link - every value of every screen is marked old with its age, pictures lose their hue, reasons stay readable", async () => {
    await open("power");
    await trouble.twin.stop("SIGKILL");
    await page.locator(".banner").waitFor({ timeout: 5000 });
    await page.locator("main.data-old").waitFor({ timeout: 5000 });
    for (const screen of SCREENS) {
      await open(screen);
      const fresh = (await trouble.shown()).filter((shown) => shown.absent === null && !shown.isStale);
      expect(fresh.map(({ path }) => path)).toEqual([]);
    }
    await open("power");
    const picture = page.locator(".power-picture");
    expect(await picture.evaluate((element) => element.ownerDocument.defaultView.getComputedStyle(element).filter)).toBe("grayscale(1)");
    expect(await picture.locator(".stale-mark").innerText()).toMatch(/◷ \d/);
    expect(await picture.locator('[data-load="nbl"] [data-explain]').first().innerText()).toMatch(/≤/);
  });
});
