import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { settle } from "#services/gateway/test-rig.ts";
import { addToken, revokeToken } from "#store/tokens-file.ts";
import { cleanUp, type GatewayRig, startRig } from "./gateway-rig.ts";
import { CHROMIUM, qiki, removeFolder, startTwin } from "./running-twin.ts";
import { openBrowser } from "./screen-rig.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-access-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(cleanUp);

let files = 0;
function tokensFile(): string {
  return join(folder, `tokens-${files++}.json`);
}

async function tokenRig(
  path: string,
  more: { readonly hostNames?: readonly string[]; readonly behindProxy?: boolean } = {},
): Promise<GatewayRig> {
  return startRig({ access: { auth: { mode: "token", path }, hostNames: [], behindProxy: false, ...more } });
}

const bearer = (token: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${token}` });
const request = (rig: GatewayRig, path: string, headers: Readonly<Record<string, string>>, body?: string) =>
  rig.raw(path, {
    ...(body === undefined ? {} : { method: "POST", body }),
    headers: { host: new URL(rig.url).host, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
  });

describe("a gateway that lets in by token", () => {
  test("access - without a token every route of the API and the stream is 401, once audited each; page and health are open", async () => {
    const rig = await tokenRig(tokensFile());
    for (const path of ["/api/me", "/api/state", "/api/catalog", "/api/audit", "/api/incidents", "/api/commands"])
      expect(await rig.get(path), path).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
    expect((await rig.post("/api/commands", { command_name: "sim.start" })).status).toBe(401);
    for (const path of ["/", "/healthz"]) expect((await rig.get(path)).status, path).toBe(200);
    const far = await rig.console({ silent: true });
    expect(await far.closed).toBe(4401);
    await settle();
    const denied = rig.audits("denied");
    expect(denied).toHaveLength(8);
    for (const record of denied)
      expect(record).toMatchObject({ operator: "unauthenticated", code: "unauthenticated", address: "127.0.0.1" });
  });

  test("access - each role may what it may: the audit trail says who it was", async () => {
    const path = tokensFile();
    const tokens = Object.fromEntries(
      ["viewer", "operator", "supervisor", "admin"].map((role) => [role, addToken(path, `${role}-1`, role)]),
    );
    const rig = await tokenRig(path);
    const send = async (role: string, command: object): Promise<number> =>
      (await request(rig, "/api/commands?wait=ack", bearer(tokens[role]!), JSON.stringify(command))).status;
    expect(JSON.parse((await request(rig, "/api/me", bearer(tokens.admin!))).text)).toEqual({
      name: "admin-1",
      role: "admin",
      auth: "token",
    });
    const mode = { command_name: "system.mode", parameters: { mode: "FACTORY" }, confirm: true };
    const watts = { command_name: "power.nbl.set_max", parameters: { max_power_w: 7 }, confirm: true };
    expect([await send("viewer", watts), await send("operator", watts), await send("operator", mode)]).toEqual([403, 200, 403]);
    expect([await send("supervisor", mode), await send("admin", mode)]).toEqual([200, 200]);
    await settle();
    expect(rig.audits("denied")).toMatchObject([
      { operator: "viewer-1", role: "viewer", code: "forbidden" },
      { operator: "operator-1", role: "operator", code: "forbidden" },
    ]);
    expect(rig.audits("command_result").map(({ operator, ok }) => [operator, ok])).toEqual([
      ["operator-1", true],
      ["supervisor-1", true],
      ["admin-1", true],
    ]);
  });

  test("access - a revoked token shows its consoles out within a second with 4401, and nobody else", async () => {
    const path = tokensFile();
    const [anna, boris] = [addToken(path, "anna", "operator"), addToken(path, "boris", "viewer")];
    const rig = await tokenRig(path);
    const cookie = (await rig.post("/api/login", { token: anna })).headers.get("set-cookie")!.split(";")[0]!;
    const byCookie = await rig.console({ cookie });
    const byHeader = await rig.console({ authorization: `Bearer ${anna}` });
    const other = await rig.console({ authorization: `Bearer ${boris}` });
    revokeToken(path, "anna");
    await rig.clock.advanceSettled(1000);
    expect([await byCookie.closed, await byHeader.closed]).toEqual([4401, 4401]);
    expect(byCookie.received.at(-1)).toMatchObject({ t: "bye", code: "unauthenticated" });
    expect((await rig.get("/api/me", cookie)).status).toBe(401);
    expect(other.received.some(({ t }) => t === "bye")).toBe(false);
    expect((await request(rig, "/api/me", bearer(boris))).status).toBe(200);
  });

  test("GW-005 access - a wrong bearer token is one failure a request, whatever the request is", async () => {
    const path = tokensFile();
    const token = addToken(path, "anna", "operator");
    const rig = await tokenRig(path);
    const command = JSON.stringify({ command_name: "sim.start", parameters: {} });
    const wrong: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) wrong.push((await request(rig, "/api/commands", bearer("guess"), command)).status);
    expect(wrong).toEqual([401, 401, 401, 401, 401, 429]);
    await rig.clock.advanceSettled(60_000);
    expect((await request(rig, "/api/me", bearer(token))).status).toBe(200);
  });

  test("GW-005 access - five wrong tokens a minute from one address, then 429, whatever comes; behind a proxy it is the sender's address", async () => {
    const path = tokensFile();
    const token = addToken(path, "anna", "operator");
    const rig = await tokenRig(path, { behindProxy: true });
    const from = (address: string, given: string): Promise<{ readonly status: number }> =>
      request(rig, "/api/login", { "x-forwarded-for": `6.6.6.6, ${address}` }, JSON.stringify({ token: given }));
    const wrong: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) wrong.push((await from("1.1.1.1", "guess")).status);
    expect(wrong).toEqual([401, 401, 401, 401, 401, 429]);
    expect((await from("1.1.1.1", token)).status).toBe(429);
    expect((await from("1.1.1.2", token)).status).toBe(200);
    await rig.clock.advanceSettled(60_000);
    expect((await from("1.1.1.1", token)).status).toBe(200);
    const denied = rig.audits("denied");
    expect(denied).toHaveLength(5);
    for (const record of denied) expect(record).toMatchObject({ address: "1.1.1.1" });
    expect(JSON.stringify(denied)).not.toContain("guess");
  });

  test("access - it answers to the names it was given and no others; a page on TLS gets a cookie for TLS alone", async () => {
    const path = tokensFile();
    const token = addToken(path, "anna", "operator");
    const rig = await tokenRig(path, { hostNames: ["orion.example.org"] });
    const login = (headers: Readonly<Record<string, string>>) => request(rig, "/api/login", headers, JSON.stringify({ token }));
    expect((await login({ host: "orion.example.org", origin: "https://orion.example.org" })).status).toBe(200);
    expect((await login({ host: "evil.example.org" })).status).toBe(421);
    expect((await login({ host: "orion.example.org", origin: "https://evil.example.org" })).status).toBe(403);
    const cookieOf = async (origin: string): Promise<string> =>
      (await rig.post("/api/login", { token }, { headers: { origin } })).headers.get("set-cookie")!;
    expect(await cookieOf("https://orion.example.org")).toMatch(/; HttpOnly; SameSite=Strict; .*; Secure$/);
    expect(await cookieOf(rig.url)).not.toContain("Secure");
  });

  test("GW-004 GW-022 access - on the command line: made once, sent in the environment or a file, listed without the secret, revoked", async () => {
    const data = mkdtempSync(join(folder, "data-"));
    const broken = join(folder, "broken.json");
    writeFileSync(broken, "{");
    const unbegun = join(folder, "unbegun");
    const notRead = await qiki(["up", "--data", unbegun, "--port", "0"], { QIKI_TOKENS_FILE: broken });
    expect([notRead.code, notRead.stderr, existsSync(unbegun)]).toEqual([
      2,
      expect.stringContaining(`the tokens file ${broken}`) as string,
      false,
    ]);
    const refused = await qiki(["up", "--data", data, "--port", "0", "--host", "0.0.0.0"]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("is not this machine alone") as string]);
    const made = await qiki(["token", "add", "anna", "--role", "operator", "--expires", "30d", "--data", data]);
    expect(made.code, made.stderr).toBe(0);
    const token = made.stdout.trim();
    const viewer = (await qiki(["token", "add", "boris", "--role", "viewer", "--data", data])).stdout.trim();
    const listed = await qiki(["token", "list", "--data", data]);
    expect(listed.stdout).toMatch(/^anna\toperator\tuntil \d{4}-\d\d-\d\dT\S+\nboris\tviewer\tfor ever\n$/);
    for (const args of [
      ["add", "anna", "--role", "viewer"],
      ["add", "eve", "--role", "root"],
      ["add", "eve", "--role", "viewer", "--expires", "2020-01-01T00:00:00Z"],
    ])
      expect((await qiki(["token", ...args, "--data", data])).code, args.join(" ")).toBe(2);

    const twin = await startTwin(["--auth", "token", "--host", "0.0.0.0"], data);
    const url = twin.url.replace("0.0.0.0", "127.0.0.1");
    try {
      const send = (env: Readonly<Record<string, string>>, more: readonly string[] = []) =>
        qiki(["send", "power.nbl.set_max", "max_power_w=7", "--confirm", "--url", url, ...more], env);
      const without = await send({});
      expect([without.code, without.stderr]).toEqual([2, expect.stringContaining("--token-file FILE, or in QIKI_TOKEN") as string]);
      expect(await send({ QIKI_TOKEN: viewer })).toMatchObject({ code: 1, stdout: expect.stringContaining("forbidden") as string });
      const file = join(folder, "token.txt");
      writeFileSync(file, `${token}\n`);
      expect(await send({}, ["--token-file", file])).toMatchObject({ code: 0, stdout: expect.stringContaining("applied") as string });
      expect((await qiki(["audit", "list", "--kind", "denied", "--url", url], { QIKI_TOKEN: viewer })).stdout).toContain("boris denied");
      expect((await qiki(["token", "revoke", "anna", "--data", data])).code).toBe(0);
      expect((await send({ QIKI_TOKEN: token })).code).toBe(2);
    } finally {
      const { output } = await twin.stop();
      const written = readFileSync(join(data, "tokens.json"), "utf8") + output;
      for (const secret of [token, viewer]) expect(written).not.toContain(secret);
    }
  }, 120_000);

  test.skipIf(CHROMIUM === undefined && process.env.CI !== "true")(
    "access - in a browser: the console asks for the token, says what is wrong with it, shows who is in, and is locked when it is revoked",
    async () => {
      const path = tokensFile();
      const token = addToken(path, "anna", "operator");
      const twin = await startTwin(["--auth", "token"], undefined, { QIKI_TOKENS_FILE: path });
      const browser = await openBrowser();
      try {
        const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
        page.setDefaultTimeout(20_000);
        await page.goto(twin.url);
        const field = page.getByTestId("token");
        await field.waitFor();
        expect(await page.getByTestId("link").textContent()).toContain("token needed");
        await field.fill("qiki_wrong");
        await field.press("Enter");
        await page.getByText("the token is not known, revoked or expired").waitFor();
        if (process.env.SHOTS !== undefined) await page.screenshot({ path: join(process.env.SHOTS, "token.png") });
        await field.fill(token);
        await field.press("Enter");
        await page.getByTestId("who").getByText("anna").waitFor();
        await page.getByTestId("data").getByText("OK").waitFor();
        revokeToken(path, "anna");
        await field.waitFor();
        await page.getByText("signed out").waitFor();
        if (process.env.SHOTS !== undefined) await page.screenshot({ path: join(process.env.SHOTS, "revoked.png") });
      } finally {
        await browser.close();
        await twin.stop();
        removeFolder(twin.dataFolder);
      }
    },
    120_000,
  );
});
