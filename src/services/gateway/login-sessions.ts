import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";
import type { Identity } from "./identity.ts";

interface LoginSession {
  readonly identity: Identity;
  readonly expiresMs: number;
  /** Hash of the token it was opened with: it ends with that. */
  readonly tokenSha256?: string;
}

/** Who has signed in with a browser, by the cookie it got. */
export interface LoginSessions {
  of(cookieHeader: string | undefined): LoginSession | undefined;
  open(identity: Identity, tokenSha256?: string): { readonly identity: Identity; readonly cookie: string };
  close(cookieHeader: string | undefined): void;
}

const LOGIN_COOKIE = "qiki_login";
const COOKIE_RULES = "Path=/; HttpOnly; SameSite=Strict";
const LOGIN_MS = 12 * 3_600_000;
export const LOGOUT_COOKIE = `${LOGIN_COOKIE}=; ${COOKIE_RULES}; Max-Age=0`;

export function createLoginSessions(clock: Clock): LoginSessions {
  const sessions = new Map<string, LoginSession>();
  return {
    of(cookieHeader) {
      const session = sessions.get(loginOf(cookieHeader) ?? "");
      return session !== undefined && session.expiresMs > clock.nowMs() ? session : undefined;
    },
    open(identity, tokenSha256) {
      for (const [id, session] of sessions) if (session.expiresMs <= clock.nowMs()) sessions.delete(id);
      const id = randomBytes(24).toString("base64url");
      const expiresMs = clock.nowMs() + LOGIN_MS;
      sessions.set(id, { identity, expiresMs, ...(tokenSha256 === undefined ? {} : { tokenSha256 }) });
      return { identity, cookie: `${LOGIN_COOKIE}=${id}; ${COOKIE_RULES}; Max-Age=${LOGIN_MS / 1000}` };
    },
    close(cookieHeader) {
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
