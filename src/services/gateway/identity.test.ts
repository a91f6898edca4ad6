import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { addToken, revokeToken } from "#store/tokens-file.ts";
import { pino } from "pino";
import { createIdentities } from "./identity.ts";
import { manualClock } from "./test-rig.ts";

test("identity - a cookie holds for 12 hours, then it is a guest's", () => {
  const clock = manualClock();
  const identities = createIdentities({ mode: "local", role: "supervisor" }, clock, pino({ level: "silent" }));
  const { identity, cookie } = identities.login({ name: "  anna " }, "here");
  expect(identity).toEqual({ name: "anna", role: "supervisor" });
  expect(cookie).toMatch(/^qiki_login=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const header = `other=1; ${cookie.split(";")[0]!}`;
  clock.advance(12 * 3_600_000 - 1);
  expect(identities.of({ cookie: header, address: "here" })).toEqual({ name: "anna", role: "supervisor" });
  clock.advance(1);
  expect(identities.of({ cookie: header, address: "here" })).toEqual({ name: "guest", role: "viewer" });
});

test("identity - what is no cookie of ours is a guest's", () => {
  const identities = createIdentities({ mode: "local", role: "supervisor" }, manualClock(), pino({ level: "silent" }));
  for (const header of [undefined, "", ";;", "qiki_login", "qiki_login=", "qiki_login=forged", "qiki_login=__proto__"]) {
    expect(identities.of({ cookie: header, address: "here" })).toEqual({ name: "guest", role: "viewer" });
  }
});

describe("identity by token", () => {
  const folder = mkdtempSync(join(tmpdir(), "qiki-tokens-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const quiet = pino({ level: "silent" });
  const fresh = (name: string): { path: string; clock: ReturnType<typeof manualClock> } => ({
    path: join(folder, name),
    clock: manualClock(),
  });

  test("GW-005 GW-022 identity by token - a token holds until the millisecond it expires; its cookie ends with it", () => {
    const { path, clock } = fresh("expires.json");
    const expiresMs = clock.nowMs() + 5000;
    const token = addToken(path, "anna", "operator", new Date(expiresMs).toISOString());
    const identities = createIdentities({ mode: "token", path }, clock, quiet);
    const bearer = { authorization: `Bearer ${token}`, address: "here" };
    expect(identities.of(bearer)).toEqual({ name: "anna", role: "operator" });
    const { identity, cookie } = identities.login({ token }, "here");
    expect(identity).toEqual({ name: "anna", role: "operator" });
    const byCookie = { cookie: cookie.split(";")[0]!, address: "here" };
    clock.advance(4999);
    expect([identities.of(bearer)?.name, identities.of(byCookie)?.name]).toEqual(["anna", "anna"]);
    clock.advance(1);
    expect(identities.of(byCookie)).toBeUndefined();
    expect(() => identities.of(bearer)).toThrow("not known, revoked or expired");
  });

  test("identity by token - nobody without one comes in, and a cookie of nobody is nobody's", () => {
    const { path, clock } = fresh("nobody.json");
    addToken(path, "anna", "viewer");
    const identities = createIdentities({ mode: "token", path }, clock, quiet);
    for (const cookie of [undefined, "", "qiki_login=forged"]) expect(identities.of({ cookie, address: "here" })).toBeUndefined();
    expect(() => identities.login({ name: "anna" }, "here")).toThrow("token is missing");
    for (const authorization of ["", "Basic YTpi", "Bearer", "Bearer a b"])
      expect(() => identities.of({ authorization, address: authorization })).toThrow("not known");
  });

  test("identity by token - revoked, it is out at once; of a file that cannot be read the last good one holds, and it is said", () => {
    const { path, clock } = fresh("revoked.json");
    const anna = { authorization: `Bearer ${addToken(path, "anna", "operator")}`, address: "here" };
    const boris = { authorization: `Bearer ${addToken(path, "boris", "viewer")}`, address: "here" };
    const identities = createIdentities({ mode: "token", path }, clock, quiet);
    revokeToken(path, "anna");
    expect(() => identities.of(anna)).toThrow("not known");
    expect(identities.of(boris)?.name).toBe("boris");
    writeFileSync(path, "{");
    expect(identities.of(boris)?.name).toBe("boris");
    expect(identities.problem()).toContain("the tokens read before are in force");
    rmSync(path);
    expect(() => identities.of(boris)).toThrow("not known");
    expect(identities.problem()).toBeUndefined();
  });

  test("identity by token - the sixth try of an address within a minute is not looked at, right or wrong", () => {
    const { path, clock } = fresh("failures.json");
    const token = addToken(path, "anna", "operator");
    const identities = createIdentities({ mode: "token", path }, clock, quiet);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect(() => identities.login({ token: `wrong ${attempt}` }, "1.2.3.4")).toThrow("not known");
      clock.advance(1000);
    }
    expect(() => identities.login({ token }, "1.2.3.4")).toThrow("wait a minute");
    expect(identities.login({ token }, "1.2.3.5").identity.name).toBe("anna");
    clock.advance(54_999);
    expect(() => identities.login({ token }, "1.2.3.4")).toThrow("wait a minute");
    clock.advance(1);
    expect(identities.login({ token }, "1.2.3.4").identity.name).toBe("anna");
  });
});
