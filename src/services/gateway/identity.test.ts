import { expect, test } from "vitest";
import { localIdentities } from "./identity.ts";
import { manualClock } from "./test-rig.ts";

test("identity - a cookie holds for 12 hours, then it is a guest's", () => {
  const clock = manualClock();
  const identities = localIdentities(clock, "supervisor");
  const { identity, cookie } = identities.login("  anna ");
  expect(identity).toEqual({ name: "anna", role: "supervisor" });
  expect(cookie).toMatch(/^qiki_login=[\w-]{32}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  const header = `other=1; ${cookie.split(";")[0]!}`;
  clock.advance(12 * 3_600_000 - 1);
  expect(identities.of(header)).toEqual({ name: "anna", role: "supervisor" });
  clock.advance(1);
  expect(identities.of(header)).toEqual({ name: "guest", role: "viewer" });
});

test("identity - what is no cookie of ours is a guest's", () => {
  const identities = localIdentities(manualClock(), "supervisor");
  for (const header of [undefined, "", ";;", "qiki_login", "qiki_login=", "qiki_login=forged", "qiki_login=__proto__"]) {
    expect(identities.of(header)).toEqual({ name: "guest", role: "viewer" });
  }
});
