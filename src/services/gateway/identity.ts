import { randomBytes } from "node:crypto";
import type { Role } from "#contracts/command-catalogue.ts";
import type { Clock } from "../clock.ts";
import { Problem } from "./problem.ts";

export interface Identity {
  readonly name: string;
  readonly role: Role;
}

const LOGIN_COOKIE = "qiki_login";
export const LOGOUT_COOKIE = `${LOGIN_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
const LOGIN_MS = 12 * 3_600_000;
const NAME = /^[\p{L}\p{N} ._-]{1,40}$/u;

/** Who is looking, before anybody has signed in: everything may be read, nothing commanded. */
const GUEST: Identity = { name: "guest", role: "viewer" };

/** Sign-in on a machine that only its own user can reach: a name is enough, and stands in the audit trail. */
export interface Identities {
  /** Identity behind a cookie header; a guest without one, or with one that has expired. */
  of(cookieHeader: string | undefined): Identity;
  /** @throws Problem invalid_parameter */
  login(name: unknown): { readonly identity: Identity; readonly cookie: string };
  logout(cookieHeader: string | undefined): void;
}

export function localIdentities(clock: Clock, role: Role): Identities {
  const sessions = new Map<string, { readonly identity: Identity; readonly expiresMs: number }>();
  return {
    of(cookieHeader) {
      const session = sessions.get(loginOf(cookieHeader) ?? "");
      return session !== undefined && session.expiresMs > clock.nowMs() ? session.identity : GUEST;
    },
    login(name) {
      if (typeof name !== "string" || !NAME.test(name.trim())) {
        throw new Problem("invalid_parameter", "name is not a name: expected 1 to 40 letters, digits, spaces or . _ -", {
          path: "name",
          expected: NAME.source,
        });
      }
      if (name.trim().toLowerCase() === GUEST.name)
        throw new Problem("invalid_parameter", `the name ${GUEST.name} stands for whoever has not signed in: give your own`, {
          path: "name",
        });
      for (const [token, session] of sessions) if (session.expiresMs <= clock.nowMs()) sessions.delete(token);
      const token = randomBytes(24).toString("base64url");
      const identity: Identity = { name: name.trim(), role };
      sessions.set(token, { identity, expiresMs: clock.nowMs() + LOGIN_MS });
      return { identity, cookie: `${LOGIN_COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${LOGIN_MS / 1000}` };
    },
    logout(cookieHeader) {
      sessions.delete(loginOf(cookieHeader) ?? "");
    },
  };
}

function loginOf(cookieHeader: string | undefined): string | undefined {
  for (const part of cookieHeader?.split(";") ?? []) {
    const [name, value] = part.trim().split("=");
    if (name === LOGIN_COOKIE) return value;
  }
  return undefined;
}
