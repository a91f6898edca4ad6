import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { addToken, readTokens, revokeToken } from "./tokens-file.ts";

const folder = mkdtempSync(join(tmpdir(), "qiki-tokens-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SHA = "a".repeat(64);

describe("tokens file", () => {
  test("tokens - what is added is in the file as a hash, for its owner's eyes alone; revoked, it is gone", () => {
    const path = join(folder, "new", "tokens.json");
    const token = addToken(path, "anna", "operator", "2027-01-01T00:00:00Z");
    expect(token).toMatch(/^qiki_[\w-]{43}$/);
    expect(addToken(path, "boris", "viewer")).not.toBe(token);
    const sha = createHash("sha256").update(token).digest("hex");
    expect(JSON.parse(readFileSync(path, "utf8"))[0]).toEqual({
      name: "anna",
      role: "operator",
      token_sha256: sha,
      expires: "2027-01-01T00:00:00Z",
    });
    expect(readFileSync(path, "utf8")).not.toContain(token);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(() => addToken(path, "anna", "viewer")).toThrow("anna has a token already");
    revokeToken(path, "anna");
    expect(readTokens(path).map(({ name }) => name)).toEqual(["boris"]);
    expect(() => revokeToken(path, "anna")).toThrow("no token of anna: it names boris");
  });

  test("tokens - a file with something wrong is refused and says where, and never repeats what may be a token", () => {
    const path = join(folder, "wrong.json");
    const entry = { name: "anna", role: "viewer", token_sha256: SHA };
    const cases: readonly (readonly [unknown, string])[] = [
      [{}, "is not a list"],
      [[1], "[0]: got 1, expected an object"],
      [[{ ...entry, role: "root" }], '[0].role: got "root", expected'],
      [[{ ...entry, token_sha256: "qiki_secret" }], "[0].token_sha256: expected 64 lowercase hex digits; what stands there is not shown"],
      [[{ ...entry, name: "" }], "[0].name"],
      [[{ ...entry, more: 1 }], "[0].more: unknown key"],
      [[entry, { ...entry, expires: "tomorrow" }], "[1].expires"],
      [[entry, entry], "two entries of the name anna"],
      [[{ name: "anna", role: "viewer" }], "[0].token_sha256: missing"],
    ];
    for (const [value, said] of cases) {
      writeFileSync(path, JSON.stringify(value));
      expect(() => readTokens(path), said).toThrow(said);
      expect(() => readTokens(path)).not.toThrow("qiki_secret");
    }
    expect(readTokens(join(folder, "absent.json"))).toEqual([]);
  });
});
