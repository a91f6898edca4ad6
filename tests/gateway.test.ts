import { afterEach, describe, expect, test } from "vitest";
import { SUBJECTS } from "#contracts/subjects.ts";
import { settle, type Wire } from "#services/gateway/test-rig.ts";
import { type Body, cleanUp, type FarConsole, type GatewayRig, startRig } from "./gateway-rig.ts";

afterEach(cleanUp);

const commandsOf = (rig: GatewayRig): readonly unknown[] => rig.heard.filter(({ subject }) => subject === SUBJECTS.commands);
const id = (count: number): string => `00000000-0000-4000-8000-${String(count).padStart(12, "0")}`;

describe("routes", () => {
  test("GW-001 each GET route as viewer - status and schema; what is unknown is 404", async () => {
    const rig = await startRig();
    await rig.clock.advanceSettled(1000);
    const wanted: [string, unknown][] = [
      ["/healthz", { ok: true }],
      [
        "/readyz",
        {
          checks: [
            { name: "bus", ok: true },
            { name: "streams", ok: true },
            { name: "store", ok: true },
            { name: "tracker", ok: true },
            { name: "recording", ok: true },
            { name: "sim", ok: true },
            { name: "telemetry", ok: true },
          ],
        },
      ],
      ["/api/me", { name: "guest", role: "viewer", auth: "local" }],
      ["/api/commands", { items: [] }],
      ["/api/incidents", { items: [] }],
    ];
    for (const [path, body] of wanted) expect([path, (await rig.get(path)).body]).toEqual([path, body]);
    const catalog = await rig.get("/api/catalog");
    expect(catalog.body).toMatchObject({
      rules: { hash: expect.any(String) as string },
      topics: { state: ["telemetry", "tracks", "incidents", "commands", "guards", "system", "replay"], log: ["events", "audit", "frames"] },
      limits: { max_speed: 1000, ports: expect.any(Array) as unknown[] },
    });
    expect((catalog.body.commands as { name: string }[]).map(({ name }) => name)).toContain("power.nbl.on");
    expect((catalog.body.dictionary as unknown[]).length).toBeGreaterThan(50);
    expect((await rig.get("/api/state?topics=system,telemetry")).body).toMatchObject({
      t: "snapshot",
      tick: 0,
      src: "live",
      topics: { telemetry: { power: { age_ms: expect.any(Number) as number, v: { soc_pct: expect.any(Number) as number } } } },
    });
    expect(Object.keys((await rig.get("/api/state")).body.topics as object)).toEqual([
      "telemetry",
      "tracks",
      "incidents",
      "commands",
      "guards",
      "system",
      "replay",
    ]);
    expect((await rig.get("/api/rules")).body).toMatchObject({ hash: expect.any(String) as string, rules: expect.any(Array) as unknown[] });
    expect((await rig.get("/api/kpi")).body).toMatchObject({ flood: false });
    const audit = await rig.get("/api/audit?limit=1");
    expect(audit).toMatchObject({
      status: 200,
      body: { items: [{ kind: expect.any(String) as string, seq: expect.any(Number) as number }] },
    });
    expect((await rig.get("/api/audit/verify")).body).toMatchObject({ ok: true, verdict: "ok" });
    for (const path of ["/api/nothing", "/api/commands/nobody", "/nothing", "/assets/nothing.js", "/api/state?topics=weather"]) {
      const { status, headers, body } = await rig.get(path);
      expect([path, status, body.code, headers.get("content-type")]).toEqual([path, 404, "not_found", "application/problem+json"]);
    }
  });

  test("GW-001 audit - filters and pages are checked and named; the JSONL export has the API's rows", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    for (let count = 0; count < 5; count += 1) {
      await rig.post("/api/commands?wait=ack", { command_name: "sim.start", parameters: { speed: count + 1 } }, { cookie });
      await rig.clock.advanceSettled(300);
    }
    const { body } = await rig.get("/api/audit?operator=anna");
    const rows = body.items as { seq: number; operator: string }[];
    expect(rows.length).toBeGreaterThanOrEqual(10);
    const exported = await rig.get("/api/audit.jsonl?operator=anna");
    expect(exported.headers.get("content-type")).toBe("application/jsonl; charset=utf-8");
    const lines = exported.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { seq: number });
    const bySeq = (a: { seq: number }, b: { seq: number }): number => a.seq - b.seq;
    expect(lines).toEqual([...rows].sort(bySeq));
    const page = (await rig.get(`/api/audit?operator=anna&after=${lines[2]!.seq}&limit=2`)).body.items as { seq: number }[];
    expect(page.map(({ seq }) => seq)).toEqual([lines[3]!.seq, lines[4]!.seq]);
    for (const [query, path] of [
      ["limit=0", "limit"],
      ["limit=501", "limit"],
      ["after=x", "after"],
    ] as const) {
      const refused = await rig.get(`/api/audit?${query}`);
      expect(refused).toMatchObject({
        status: 422,
        body: { code: "invalid_parameter", path, expected: expect.stringMatching(/whole number in \[/) as string },
      });
    }
    expect(await rig.get("/api/audit?from=yesterday")).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining("filters.from") as string },
    });
    expect((await rig.get("/api/audit.jsonl?from=yesterday")).status).toBe(422);
  });

  test("GW-002 headers - on page, asset, API and error", async () => {
    const rig = await startRig();
    const policy =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
    const wanted: [string, number, string | null][] = [
      ["/", 200, "no-cache"],
      ["/index.html", 200, "no-cache"],
      ["/assets/index-1a2b.js", 200, "public, max-age=31536000, immutable"],
      ["/api/me", 200, "no-store"],
      ["/api/nothing", 404, "no-store"],
      ["/nothing", 404, null],
      ["/healthz", 200, null],
    ];
    for (const [path, status, caching] of wanted) {
      const answer = await rig.get(path);
      const header = (name: string): string | null => answer.headers.get(name);
      expect([path, answer.status, header("cache-control")]).toEqual([path, status, caching]);
      expect(header("content-security-policy")).toBe(policy);
      expect(header("x-content-type-options")).toBe("nosniff");
      expect(header("referrer-policy")).toBe("no-referrer");
      expect(header("cross-origin-opener-policy")).toBe("same-origin");
      expect(header("cross-origin-resource-policy")).toBe("same-origin");
      expect(header("access-control-allow-origin")).toBeNull();
      expect(header("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
    const thrown = await rig.post("/api/commands", "{oops");
    expect([thrown.status, thrown.headers.get("content-security-policy"), thrown.headers.get("cache-control")]).toEqual([
      400,
      policy,
      "no-store",
    ]);
  });

  test("routes - no path leads out of the console's folder", async () => {
    const rig = await startRig();
    for (const path of ["/../data/qiki.sqlite", "/%2e%2e/data/qiki.sqlite", "/assets/..%2f..%2fdata/qiki.sqlite", "//data"]) {
      expect((await rig.raw(path, { headers: {} })).status).toBe(404);
    }
  });

  test("GW-003 Host evil.test is 421; a foreign Origin is 403 on POST and on the stream; content type is checked", async () => {
    const rig = await startRig();
    const { host } = new URL(rig.url);
    const evil = await rig.raw("/api/me", { headers: { host: "evil.test" } });
    expect([evil.status, JSON.parse(evil.text)]).toMatchObject([421, { code: "bad_host", type: "urn:qiki:error:bad_host" }]);
    expect((await rig.raw("/", { headers: { host: `evil.test:${rig.twin.port}` } })).status).toBe(421);
    expect((await rig.raw("/api/me", { headers: { host: host.replace("127.0.0.1", "LocalHost") } })).status).toBe(200);
    const foreign = await rig.post("/api/login", { name: "anna" }, { headers: { origin: "http://evil.test" } });
    expect(foreign).toMatchObject({ status: 403, body: { code: "bad_origin" } });
    expect((await rig.post("/api/login", { name: "anna" }, { headers: { origin: rig.url } })).status).toBe(200);
    expect((await rig.post("/api/login", { name: "anna" }, { headers: { "content-type": "text/plain" } })).status).toBe(415);
    await expect(rig.console({ origin: "http://evil.test" })).rejects.toThrow("403");
    await settle();
    expect(rig.audits("denied").map(({ code, what }) => [code, what])).toEqual([
      ["bad_origin", "POST /api/login"],
      ["bad_origin", "GET /ws"],
    ]);
    const own = await rig.console({ origin: rig.url });
    expect(own.received[0]).toMatchObject({ t: "hello", me: { name: "guest", role: "viewer" } });
  });

  test("GW-003 stream - no hello closes with 4408, broken JSON and binary with 4400", async () => {
    const rig = await startRig();
    const mute = await rig.console({ silent: true });
    const broken = await rig.console({ silent: true });
    const binary = await rig.console({ silent: true });
    broken.say("{oops");
    binary.socket.send(Buffer.from([1, 2, 3]));
    expect(await broken.closed).toBe(4400);
    expect(await binary.closed).toBe(4400);
    await rig.clock.advanceSettled(5000);
    expect(await mute.closed).toBe(4408);
    expect(mute.received).toMatchObject([{ t: "bye", code: "no_hello" }]);
  });
});

describe("who may do what", () => {
  test("GW-006 viewer - POST command and ack are 403, nothing is published, each leaves one denied record", async () => {
    const rig = await startRig();
    const sent = await rig.post("/api/commands", { request_id: id(1), command_name: "sim.start" });
    expect(sent).toMatchObject({ status: 403, body: { code: "forbidden", type: "urn:qiki:error:forbidden", request_id: id(1) } });
    await settle();
    expect(rig.audits("denied")).toMatchObject([
      { operator: "guest", role: "viewer", what: "POST /api/commands", request_id: id(1), code: "forbidden", ok: false },
    ]);
    expect((await rig.post("/api/incidents/TEMP:core/ack", { occ: 1 })).status).toBe(403);
    expect(
      (
        await rig.post("/api/incidents/ack", {
          items: [
            { key: "A:b", occ: 1 },
            { key: "C:d", occ: 1 },
          ],
        })
      ).status,
    ).toBe(403);
    expect((await rig.post("/api/commands/arm", { command_name: "sim.reset" })).status).toBe(403);
    await rig.clock.advanceSettled(1000);
    expect(rig.audits("denied")).toHaveLength(4);
    expect(commandsOf(rig)).toEqual([]);
    const chained = (await rig.get("/api/audit?type=denied")).body.items as { request_id?: string }[];
    expect(chained).toHaveLength(4);
    expect(chained.map((record) => record.request_id).filter((one) => one !== undefined)).toEqual([id(1)]);
  });

  test("sign-in - a name is checked, works for what it allows, and ends with signing out", async () => {
    const rig = await startRig();
    for (const name of ["", "   ", "guest", "Guest", "<b>", 7, "x".repeat(41)]) {
      expect(await rig.post("/api/login", { name })).toMatchObject({ status: 422, body: { code: "invalid_parameter", path: "name" } });
    }
    const cookie = await rig.login("Анна 2");
    expect((await rig.get("/api/me", cookie)).body).toEqual({ name: "Анна 2", role: "supervisor", auth: "local" });
    const console = await rig.console({ cookie });
    expect(console.received[0]).toMatchObject({ me: { name: "Анна 2", role: "supervisor" } });
    await rig.post("/api/logout", {}, { cookie });
    expect((await rig.get("/api/me", cookie)).body).toEqual({ name: "guest", role: "viewer", auth: "local" });
  });

  test("GW-007 a body of 70 KiB is 413; of 11 rapid commands the last is 429, the others are applied once", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    const large = await rig.post("/api/commands", { command_name: "sim.start", reason: "x".repeat(70 * 1024) }, { cookie });
    expect(large).toMatchObject({ status: 413, body: { code: "payload_too_large" } });
    const answers = await Promise.all(
      Array.from({ length: 11 }, (_unused, index) =>
        rig.post(
          "/api/commands?wait=ack",
          { request_id: id(index), command_name: "sim.start", parameters: { speed: index + 1 } },
          { cookie },
        ),
      ),
    );
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ body: { code: "rate_limited" } });
    expect(refused[0]!.headers.get("retry-after")).toBe("1");
    const applied = answers.filter(({ status }) => status === 200);
    expect(applied.map(({ body }) => body.stage)).toEqual(
      Array.from({ length: 10 }, () => expect.stringMatching(/APPLIED|EFFECT/) as string),
    );
    await rig.clock.advanceSettled(200);
    expect(rig.heard.filter(({ subject }) => subject === SUBJECTS.responses)).toHaveLength(10);
    expect((await rig.post("/api/commands?wait=ack", { command_name: "sim.pause" }, { cookie })).status).toBe(200);
    expect((await rig.post("/api/commands?wait=ack", { command_name: "sim.pause" }, { cookie })).status).toBe(429);
  });

  test("rates - thirty tabs of guests may open at once, a hundred requests pass, the next is 429", async () => {
    const rig = await startRig();
    const tab = ["/", "/assets/index-1a2b.js", "/api/catalog", "/api/me", "/api/audit?limit=300"];
    const opened = await Promise.all(
      Array.from({ length: 30 }, () => tab)
        .flat()
        .map((path) => rig.get(path)),
    );
    expect(new Set(opened.map(({ status }) => status))).toEqual(new Set([200]));
    for (let count = 0; count < 10; count += 1) expect((await rig.get("/api/me")).status).toBe(200);
    const refused = await rig.get("/api/me");
    expect(refused).toMatchObject({ status: 429, body: { code: "rate_limited" } });
    expect([refused.headers.get("retry-after"), refused.headers.get("cache-control")]).toEqual(["1", "no-store"]);
    // Others, and the page itself, go on.
    expect((await rig.get("/")).status).toBe(200);
    await rig.clock.advanceSettled(20);
    expect((await rig.get("/api/me")).status).toBe(200);
  });
});

describe("commands", () => {
  test("GW-013 start at speed 2 - ACK, effect, and RUNNING x2 in the stream", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    const console = await rig.console({ cookie });
    const { status, body } = await rig.post(
      "/api/commands?wait=ack",
      { request_id: id(1), command_name: "sim.start", parameters: { speed: 2 } },
      { cookie },
    );
    expect([status, body.request_id, body.tick]).toEqual([200, id(1), 1]);
    await rig.clock.advanceSettled(1000);
    await console.until((message) => stateOf(message, "telemetry", "sim_state")?.fsm_state === "RUNNING");
    expect(
      stateOf(await console.until((message) => stateOf(message, "telemetry", "sim_state")?.speed === 2), "telemetry", "sim_state"),
    ).toMatchObject({
      fsm_state: "RUNNING",
      speed: 2,
    });
    await console.until((message) => stateOf(message, "commands", id(1))?.stage === "EFFECT_CONFIRMED");
    expect((await rig.get(`/api/commands/${id(1)}`)).body).toMatchObject({ stage: "EFFECT_CONFIRMED", sender: "anna", tick: 1 });
    expect((await rig.get("/api/state?topics=telemetry")).body.tick).toBe(20);
  });

  test("GW-014 the same request id twice - applied once, equal answers; another body is 409", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    const command = { request_id: id(1), command_name: "sim.start", parameters: { speed: 2 } };
    const first = await rig.post("/api/commands?wait=ack", command, { cookie });
    await settle();
    const second = await rig.post("/api/commands?wait=ack", command, { cookie });
    const { stage: _first, settled_ms: _ms, effect: _effect, ...row } = first.body;
    expect(second.body).toMatchObject({ ...row, idempotent_replay: true });
    expect(first.body.idempotent_replay).toBeUndefined();
    const other = await rig.post("/api/commands", { ...command, parameters: { speed: 3 } }, { cookie });
    expect(other).toMatchObject({ status: 409, body: { code: "request_id_reused", request_id: id(1) } });
    expect(commandsOf(rig)).toHaveLength(1);
    expect(rig.audits("command_result")).toHaveLength(1);
  });

  test('GW-015 speed 0, "NaN", an unknown command, an unknown port - code, path and range; the state is what it was', async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    const before = rig.twin.sim.machine.hash();
    const refusals: [unknown, unknown][] = [
      [
        { command_name: "sim.start", parameters: { speed: 0 } },
        { code: "invalid_parameter", path: "parameters.speed", given: 0, expected: "a number in (0, 1000] x" },
      ],
      [
        { command_name: "sim.start", parameters: { speed: "NaN" } },
        { code: "invalid_parameter", path: "parameters.speed", given: "NaN" },
      ],
      [{ command_name: "sim.fly" }, { code: "unknown_command", path: "command_name" }],
      [
        { command_name: "sim.dock.engage", parameters: { port: "Z" }, confirm: true },
        { code: "invalid_parameter", path: "parameters.port", expected: expect.stringMatching(/^one of /) as string },
      ],
    ];
    for (const [command, problem] of refusals) {
      const { status, body, headers } = await rig.post("/api/commands", command, { cookie });
      expect([status, headers.get("content-type")]).toEqual([422, "application/problem+json"]);
      expect(body).toMatchObject(problem as object);
      expect(body).toMatchObject({ type: `urn:qiki:error:${String(body.code)}`, title: expect.any(String) as string, status: 422 });
    }
    await settle();
    expect(commandsOf(rig)).toEqual([]);
    expect(rig.twin.sim.machine.hash()).toEqual(before);
  });

  test("GW-016 malformed JSON on the bus and on HTTP - an answer each, and the service goes on", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    rig.twin.bus.publish(SUBJECTS.commands, Buffer.from("{oops"));
    rig.twin.bus.publish(SUBJECTS.telemetry, Buffer.from("{oops"));
    rig.twin.bus.publish(SUBJECTS.responses, Buffer.from([0xff, 0xfe]));
    await settle();
    expect(rig.heard.filter(({ subject, payload }) => subject === SUBJECTS.responses && payload.ok === false)).toMatchObject([
      { payload: { error_detail: { code: "malformed" } } },
    ]);
    for (const body of ["{oops", "[1]", "null", "7", ""]) {
      const answer = await rig.post("/api/commands", body, { cookie });
      expect([body, answer.status, answer.body.code]).toEqual([body, 400, "malformed"]);
      expect(String(answer.body.detail)).toMatch(/JSON/);
    }
    const console = await rig.console();
    expect(console.received.find(({ t }) => t === "hb")).toMatchObject({ lost: { upstream: 0, refused: 2 } });
    expect((await rig.post("/api/commands?wait=ack", { command_name: "sim.start" }, { cookie })).status).toBe(200);
  });

  test("GW-017 hazard - H without arm and c without confirm 428; edited 409 with one audit record; reused token 410", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    const post = (path: string, body: unknown): ReturnType<GatewayRig["post"]> => rig.post(path, body, { cookie });
    expect(await post("/api/commands", { command_name: "sim.reset" })).toMatchObject({ status: 428, body: { code: "arm_required" } });
    expect(await post("/api/commands", { command_name: "sim.stop" })).toMatchObject({ status: 428, body: { code: "confirm_required" } });
    const fire = { command_name: "sim.rcs.fire", parameters: { axis: "forward", pct: 35, duration_s: 2 } };
    const armed = await post("/api/commands/arm", fire);
    expect(armed).toMatchObject({ status: 200, body: { expires_ms: 15_000, digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string } });
    const edited = { request_id: id(7), ...fire, parameters: { ...fire.parameters, pct: 90 }, arm_token: armed.body.arm_token };
    expect(await post("/api/commands", edited)).toMatchObject({ status: 409, body: { code: "arm_mismatch" } });
    expect(await post("/api/commands", { ...fire, arm_token: armed.body.arm_token })).toMatchObject({
      status: 410,
      body: { code: "arm_expired" },
    });
    await settle();
    expect(rig.audits("denied")).toMatchObject([{ operator: "anna", code: "arm_mismatch", request_id: id(7) }]);
    expect(commandsOf(rig)).toEqual([]);
    const token = (await post("/api/commands/arm", { command_name: "sim.reset" })).body.arm_token;
    const reset = { command_name: "sim.reset", arm_token: token };
    expect(await post("/api/commands?wait=ack", { request_id: id(8), ...reset })).toMatchObject({ status: 200 });
    expect((await post("/api/commands", { request_id: id(9), ...reset })).status).toBe(410);
  });

  test("GW-021 POST command - on the bus message_id, correlation_id and request_id are one; the answer's row came first in the stream", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    const console = await rig.console();
    const sent = await rig.post("/api/commands", { request_id: id(1), command_name: "sim.start" }, { cookie });
    expect([sent.status, sent.body.stage]).toEqual([202, "SENT"]);
    await settle();
    const [message] = rig.heard.filter(({ subject }) => subject === SUBJECTS.commands);
    expect(message?.payload.metadata).toMatchObject({
      message_id: id(1),
      correlation_id: id(1),
      actor: { id: "anna", role: "supervisor" },
    });
    expect(rig.heard.find(({ subject }) => subject === SUBJECTS.responses)?.payload.request_id).toBe(id(1));
    await rig.clock.advanceSettled(200);
    await console.until((one) => stateOf(one, "commands", id(1)) !== undefined);
  });

  test("incidents - acting on one that is not there is refused in the row; occ that has moved on is 409", async () => {
    const rig = await startRig();
    const cookie = await rig.login("anna");
    const answer = await rig.post("/api/incidents/NO_RULE:nothing/ack", { occ: 1, request_id: id(1) }, { cookie });
    expect(answer).toMatchObject({ status: 200, body: { request_id: id(1), stage: "REJECTED", incident_key: "NO_RULE:nothing" } });
    expect(await rig.post("/api/incidents/NO_RULE:nothing/explode", {}, { cookie })).toMatchObject({
      status: 404,
      body: { detail: "incidents have no operation explode: expected ack, shelve, unshelve, clear, oos, return" },
    });
    const bulk = await rig.post("/api/incidents/ack", { items: [{ key: "A:b", occ: 1 }, { key: "C:d" }], comment: "both" }, { cookie });
    expect(bulk).toMatchObject({
      status: 200,
      body: {
        items: [
          { key: "A:b", ok: false, row: { stage: "REJECTED" } },
          { key: "C:d", ok: false, problem: { code: "invalid_parameter", path: "parameters.occ" } },
        ],
      },
    });
    expect((await rig.post("/api/incidents/ack", { items: [] }, { cookie })).status).toBe(422);
  });
});

describe("stream", () => {
  test("GW-008 radar - guard rules in force, the last frame and the tracker's status come to a console; the age of frames stands in hb", async () => {
    const rig = await startRig({ running: true });
    const console = await rig.console({ subs: ["system", "guards", "frames"].map((topic) => ({ topic })) });
    const rule = stateOf(
      await console.until((message) => stateOf(message, "guards", "UNKNOWN_CONTACT_CLOSE") !== undefined),
      "guards",
      "UNKNOWN_CONTACT_CLOSE",
    );
    expect(rule).toMatchObject({ severity: "critical", iff: 3, allowed_transponder_modes: null, max_range_m: 70, hysteresis_m: 5 });
    await rig.clock.advanceSettled(3000);
    await console.until((message) => stateOf(message, "system", "radar_tracker")?.kind === "tracker_status");
    const frame = await console.until((message) => stateOf(message, "system", "radar_frame") !== undefined);
    expect(stateOf(frame, "system", "radar_frame")).toMatchObject({ scan: ["LR", "SR"], detections: { lr: 0, sr: 0, other: 0 } });
    const batch = await console.until((message) => message.t === "batch" && message.topic === "frames");
    expect((batch.items as Body[])[0]).toMatchObject({ subject: "qiki.radar.v1.frames", payload: { detections: [] } });
    expect(await console.until((message) => message.t === "hb" && (message.src_age_ms as Body).frames !== undefined)).toBeDefined();
    expect(console.received.find((message) => message.t === "hello")).toMatchObject({
      cfg: { radar_period_s: 1, sr_threshold_m: 5000, lr_max_range_m: 100_000 },
    });
  });

  test("GW-009 drop the socket for 10 s - resumed, no event missing or doubled", async () => {
    const rig = await startRig({ running: true });
    const first = await rig.console();
    await rig.clock.advanceSettled(5000);
    await first.until((message) => message.t === "diff" && (message.tick as number) >= 50);
    await settle();
    const state = lastSeen(first);
    await first.drop();
    await rig.clock.advanceSettled(10_000);
    const second = await rig.console({ resume: state.resume });
    expect(second.received[0]).toMatchObject({ t: "hello", resumed: true });
    expect(second.received[1]).toMatchObject({ t: "diff", prev: state.resume.seq });
    await rig.clock.advanceSettled(2000);
    await second.until((message) => message.t === "diff" && (message.tick as number) >= 170);
    const items = [...state.events, ...lastSeen(second).events];
    expect(items.map(({ number }) => number)).toEqual(items.map((_item, index) => index + 1));
    // Every event that the bus carried is there once; the first were published before this test could listen.
    const published = rig.heard.filter(({ subject }) => subject.startsWith("qiki.events.v1.")).map(({ payload }) => payload);
    const shown = items.map(({ item }) => item.payload);
    expect(published.length).toBeGreaterThan(40);
    expect(shown.slice(shown.length - published.length)).toEqual(published);
  });

  test("GW-008 stream over a real socket - snapshot and diffs are /api/state", async () => {
    const rig = await startRig({ running: true });
    const console = await rig.console();
    for (let second = 0; second < 5; second += 1) {
      await rig.clock.advanceSettled(1000);
      const { seq } = (await rig.get("/api/state")).body;
      await rig.clock.advanceSettled(120);
      await console.until((message) => (message.t === "diff" || message.t === "snapshot") && (message.seq as number) >= (seq as number));
    }
    const fresh = (await rig.get("/api/state")).body as { seq: number; topics: Record<string, Record<string, { v: unknown }>> };
    const { state, resume } = lastSeen(console);
    expect(resume.seq).toBe(fresh.seq);
    for (const [topic, records] of Object.entries(fresh.topics)) {
      for (const [key, { v }] of Object.entries(records)) expect([topic, key, state[topic]?.[key]]).toEqual([topic, key, v]);
      expect(Object.keys(state[topic] ?? {}).sort()).toEqual(Object.keys(records).sort());
    }
  });

  test("stream - nothing counts as lost while several roles talk, over a reset too", async () => {
    const rig = await startRig({ running: true });
    const cookie = await rig.login("anna");
    const post = (path: string, body: unknown): ReturnType<GatewayRig["post"]> => rig.post(path, body, { cookie });
    const console = await rig.console();
    for (let round = 0; round < 2; round += 1) {
      await post("/api/commands?wait=ack", { command_name: "sim.start" });
      await post("/api/incidents/NO_RULE:x/ack", { occ: 1 });
      await post("/api/commands?wait=ack", { command_name: "sim.pause" });
      await rig.clock.advanceSettled(3000);
      const token = (await post("/api/commands/arm", { command_name: "sim.reset" })).body.arm_token;
      expect((await post("/api/commands?wait=ack", { command_name: "sim.reset", arm_token: token })).body.code).toBeUndefined();
      await rig.clock.advanceSettled(3000);
    }
    const wall = new Date(rig.clock.nowMs()).toISOString();
    const beat = await console.until((message) => message.t === "hb" && message.wall === wall);
    expect(beat.lost).toEqual({ upstream: 0, client: 0, refused: 0 });
  });

  test("stream - the gateway's stop closes consoles with 1001, and a full house is turned away", async () => {
    const rig = await startRig();
    const consoles = await Promise.all(Array.from({ length: 64 }, () => rig.console({ subs: [] })));
    await expect(rig.console()).rejects.toThrow("503");
    await consoles[0]!.drop();
    await rig.console({ subs: [] });
    const last = consoles[1]!;
    await rig.stop();
    expect(await last.closed).toBe(1001);
    expect(last.received.at(-1)).toMatchObject({ t: "bye", code: "stopping" });
  });
});

type Records = Record<string, Record<string, { v: Record<string, unknown> }>>;

/** Value of a record that a message tells of. */
function stateOf(message: Wire, topic: string, key: string): Record<string, unknown> | undefined {
  if (message.t === "snapshot") return (message.topics as Records)[topic]?.[key]?.v;
  if (message.t === "diff") return (message.ch as Record<string, { set: Records[string] }>)[topic]?.set[key]?.v;
  return undefined;
}

interface Seen {
  readonly resume: { epoch: unknown; seq: number; batch: Record<string, number> };
  readonly state: Record<string, Record<string, unknown>>;
  readonly events: { readonly number: number; readonly item: { readonly payload: unknown } }[];
}

/** What a console knows from all that it has received. */
function lastSeen({ received }: FarConsole): Seen {
  const seen: Seen = { resume: { epoch: received[0]?.epoch, seq: 0, batch: {} }, state: {}, events: [] };
  for (const message of received) {
    if (message.t === "snapshot" || message.t === "diff") {
      seen.resume.seq = message.seq as number;
      const changes =
        message.t === "diff"
          ? (message.ch as Record<string, { set: Records[string]; del: string[] }>)
          : Object.fromEntries(Object.entries(message.topics as Records).map(([topic, set]) => [topic, { set, del: [] as string[] }]));
      for (const [topic, { set, del }] of Object.entries(changes)) {
        const records = (seen.state[topic] ??= {});
        for (const key of del) delete records[key];
        for (const [key, { v }] of Object.entries(set)) records[key] = v;
      }
    }
    if (message.t !== "batch") continue;
    seen.resume.batch[message.topic as string] = message.last as number;
    if (message.topic !== "events") continue;
    for (const [index, item] of (message.items as { payload: unknown }[]).entries())
      seen.events.push({ number: (message.first as number) + index, item });
  }
  return seen;
}
