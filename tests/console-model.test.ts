import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { createModel, type Model } from "#orion/model/model.ts";
import { settle } from "#services/gateway/test-rig.ts";
import { cleanUp, type GatewayRig, startRig } from "./gateway-rig.ts";

const models: Model[] = [];
afterEach(async () => {
  for (const model of models.splice(0)) model.stop();
  await cleanUp();
});

interface Console {
  readonly model: Model;
  cookie: string | undefined;
  /** Lets a second pass at a time until it is so. */
  until(isSo: () => boolean): Promise<void>;
}

/** The console's own model on a real socket, with the clock of the twin. */
function openModel(rig: GatewayRig): Console {
  const { clock, url } = rig;
  const far: Console = {
    cookie: undefined,
    model: createModel({
      monotonicMs: () => clock.monotonicMs(),
      wallMs: () => clock.nowMs(),
      random: () => 0.5,
      after: (delayMs, callback) => clock.after(delayMs, callback),
      connect({ open, message, closed }) {
        const headers = far.cookie === undefined ? {} : { cookie: far.cookie };
        const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, "qiki.orion.1", { headers });
        socket.on("open", open);
        socket.on("message", (data) => message((data as Buffer).toString("utf8")));
        socket.on("close", (code) => closed(code));
        socket.on("error", () => {});
        return { send: (text) => socket.send(text), close: () => socket.close() };
      },
    }),
    async until(isSo) {
      for (let turn = 0; turn < 200 && !isSo(); turn += 1) {
        await clock.advanceSettled(50);
        await settle();
      }
      expect(isSo()).toBe(true);
    },
  };
  models.push(far.model);
  far.model.start();
  return far;
}

test("console - signing in greets anew at once with the new name; data and link stay, nothing is lost", async () => {
  const rig = await startRig({ running: true });
  const far = openModel(rig);
  const { model } = far;
  await far.until(() => model.data.value.kind === "ok" && model.identity.value !== undefined);
  expect(model.identity.value).toEqual({ name: "guest", role: "viewer" });
  expect(model.run.value).toMatchObject({ tick_ms: 100 });
  await far.until(() => model.events.value.length > 10);
  const links: string[] = [];
  const dispose = model.link.subscribe((link) => links.push(link.kind));
  far.cookie = await rig.login("anna");
  model.reconnect();
  expect(model.value("power.soc_pct")).toBeTypeOf("number");
  await far.until(() => model.identity.value?.name === "anna");
  await far.until(() => model.events.value.length > 40);
  dispose();
  expect(new Set(links)).toEqual(new Set(["ok"]));
  const ids = model.events.value.map((event) => JSON.stringify(event));
  expect(new Set(ids).size).toBe(ids.length);
  expect(model.losses.value).toEqual({ upstream: 0, client: 0, refused: 0, unaccounted: 0 });
});

test("GW-013 start at speed 2 - the console shows RUNNING x2, and its row goes from sent to effect confirmed", async () => {
  const rig = await startRig();
  const far = openModel(rig);
  const { model } = far;
  await far.until(() => model.data.value.kind === "ok");
  expect(model.cell("sim_state.fsm_state")).toMatchObject({ value: "STOPPED", stale: false });
  far.cookie = await rig.login("anna");
  model.reconnect();
  expect([model.link.value.kind, model.data.value.kind]).toEqual(["ok", "ok"]);
  await far.until(() => model.identity.value?.name === "anna");
  expect(model.value("power.soc_pct")).toBeTypeOf("number");
  const request = { request_id: "q1", command_name: "sim.start", parameters: { speed: 2 } };
  const answer = await rig.post("/api/commands?wait=ack", request, { cookie: far.cookie });
  expect(answer.status).toBe(200);
  const row = (): { stage: string; tick: number } | undefined => model.records("commands").value.get("q1") as never;
  await far.until(() => row()?.stage === "EFFECT_CONFIRMED");
  await far.until(() => model.value("sim_state.speed") === 2 && model.value("sim_state.fsm_state") === "RUNNING");
  await far.until(() => (model.tick.value ?? 0) >= 40);
  expect(model.losses.value).toEqual({ upstream: 0, client: 0, refused: 0, unaccounted: 0 });
});

test("VM-006 PAUSED world - the sim's heartbeats keep the console's values fresh", async () => {
  const rig = await startRig({ running: true });
  const far = openModel(rig);
  const cookie = await rig.login("anna");
  await far.until(() => (far.model.tick.value ?? 0) >= 20);
  await rig.post("/api/commands?wait=ack", { command_name: "sim.pause" }, { cookie });
  await far.until(() => far.model.value("sim_state.fsm_state") === "PAUSED");
  const tick = far.model.tick.value;
  for (let second = 0; second < 20; second += 1) {
    await rig.clock.advanceSettled(1000);
    await settle();
    expect(far.model.cell("power.soc_pct")).toMatchObject({ stale: false });
  }
  expect(far.model.tick.value).toBe(tick);
});

test("console - the gateway stops and the link is lost, with what was known still there and stale", async () => {
  const rig = await startRig({ running: true });
  const far = openModel(rig);
  await far.until(() => far.model.data.value.kind === "ok");
  await rig.stop();
  await far.until(() => far.model.link.value.kind === "lost");
  await rig.clock.advanceSettled(3000);
  expect(far.model.cell("power.soc_pct")).toMatchObject({ kind: "value", stale: true });
  expect(far.model.data.value.kind).toBe("lag");
});
