import { timingSafeEqual } from "node:crypto";
import { QikiError } from "#base/error.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import { type Role, ROLES } from "#contracts/command-catalogue.ts";
import { readTokens, type TokenEntry, tokenHash, tokensVersion } from "#store/tokens-file.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { createLoginSessions } from "./login-sessions.ts";
import { Problem } from "./problem.ts";

export interface Identity {
  readonly name: string;
  readonly role: Role;
}

/** How people come in (console §2.1): by name, on a machine that only its own user reaches, or with a token of the file. */
export type GatewayAuth = { readonly mode: "local"; readonly role: Role } | { readonly mode: "token"; readonly path: string };

/** What a request brings to say who sends it. */
export interface Credentials {
  readonly cookie?: string | undefined;
  readonly authorization?: string | undefined;
  /** Network address it comes from. */
  readonly address: string;
}

export interface Identities {
  readonly mode: GatewayAuth["mode"];
  /** Who this is; a guest where a name is enough, undefined where a token is needed and none holds. @throws Problem rate_limited */
  of(credentials: Credentials): Identity | undefined;
  /** @throws Problem invalid_parameter, unauthenticated, rate_limited */
  login(body: Readonly<Record<string, unknown>>, address: string): { readonly identity: Identity; readonly cookie: string };
  logout(cookieHeader: string | undefined): void;
  /** Why nobody new may be let in as the file says, undefined while it can be read. */
  problem(): string | undefined;
}

const NAME = /^[\p{L}\p{N} ._-]{1,40}$/u;
/** Wrong tokens from one address within a minute; the next try is not even looked at. */
const FAILURES = { max: 5, withinMs: 60_000 };
const ADDRESSES_MAX = 10_000;

/** Stands in the audit trail for whoever was turned away without saying who it is. */
export const NOBODY: Identity = { name: "unauthenticated", role: "viewer" };

/** Who is looking, before anybody has signed in by name: everything may be read, nothing commanded. */
const GUEST: Identity = { name: "guest", role: "viewer" };

export function createIdentities(auth: GatewayAuth, clock: Clock, log: Log): Identities {
  return auth.mode === "local" ? localIdentities(clock, auth.role) : tokenIdentities(clock, log, auth.path);
}

/** The same people, none above `highest`. */
export function cappedIdentities(identities: Identities, highest: Role): Identities {
  const cap = (who: Identity): Identity => (ROLES.indexOf(who.role) > ROLES.indexOf(highest) ? { ...who, role: highest } : who);
  return {
    ...identities,
    of(credentials) {
      const who = identities.of(credentials);
      return who && cap(who);
    },
    login(body, address) {
      const { identity, cookie } = identities.login(body, address);
      return { identity: cap(identity), cookie };
    },
  };
}

function localIdentities(clock: Clock, role: Role): Identities {
  const sessions = createLoginSessions(clock);
  return {
    mode: "local",
    of: ({ cookie }) => sessions.of(cookie)?.identity ?? GUEST,
    login({ name }) {
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
      return sessions.open({ name: name.trim(), role });
    },
    logout: (cookie) => sessions.close(cookie),
    problem: () => undefined,
  };
}

function tokenIdentities(clock: Clock, log: Log, path: string): Identities {
  const sessions = createLoginSessions(clock);
  const failures = createFailureCount(clock);
  const file = createTokenFile(path, log);

  function holder(token: string, address: string): TokenEntry {
    if (failures.tooMany(address)) {
      const text = `${FAILURES.max} wrong tokens came from ${address} within a minute: wait a minute`;
      throw new Problem("rate_limited", text);
    }
    const entry = file.entryOf(tokenHash(token), clock.nowMs());
    if (entry !== undefined) return entry;
    failures.add(address);
    throw new Problem("unauthenticated", "the token is not known, revoked or expired: ask for one ('qiki token add NAME --role R')");
  }

  return {
    mode: "token",
    of({ cookie, authorization, address }) {
      if (authorization !== undefined) return identityOf(holder(/^Bearer +(\S+)\s*$/i.exec(authorization)?.[1] ?? "", address));
      const session = sessions.of(cookie);
      const entry = session === undefined ? undefined : file.entryOf(session.tokenSha256!, clock.nowMs());
      return entry === undefined ? undefined : identityOf(entry);
    },
    login({ token }, address) {
      if (typeof token !== "string" || token === "")
        throw new Problem("invalid_parameter", "token is missing: this gateway lets in by token", { path: "token" });
      const entry = holder(token.trim(), address);
      return sessions.open(identityOf(entry), entry.tokenSha256);
    },
    logout: (cookie) => sessions.close(cookie),
    problem: () => file.problem(),
  };
}

function identityOf({ name, role }: TokenEntry): Identity {
  return { name, role: role as Role };
}

/** The tokens file as it is now: read again when it changes; one that cannot be read leaves the last good one in force. */
function createTokenFile(
  path: string,
  log: Log,
): { entryOf(sha256: string, nowMs: number): TokenEntry | undefined; problem(): string | undefined } {
  let version = tokensVersion(path);
  let entries = readTokens(path);
  let problem: string | undefined;

  function refresh(): void {
    const now = tokensVersion(path);
    if (now === version) return;
    version = now;
    try {
      entries = readTokens(path);
      problem = undefined;
    } catch (error) {
      if (!(error instanceof QikiError)) throw error;
      problem = `${error.message}; the tokens read before are in force`;
      log.error({ err: error }, "the changed tokens file is not used");
    }
  }

  return {
    entryOf(sha256, nowMs) {
      refresh();
      const wanted = Buffer.from(sha256);
      // Every entry is compared in full: how long it takes tells nothing of the token.
      const found = entries.filter((entry) => timingSafeEqual(Buffer.from(entry.tokenSha256), wanted));
      return found.find(({ expires }) => expires === undefined || parseUtcMs(expires)! > nowMs);
    },
    problem: () => {
      refresh();
      return problem;
    },
  };
}

function createFailureCount(clock: Clock): { tooMany(address: string): boolean; add(address: string): void } {
  const times = new Map<string, number[]>();
  const recent = (address: string): number[] => (times.get(address) ?? []).filter((atMs) => clock.monotonicMs() - atMs < FAILURES.withinMs);
  return {
    tooMany: (address) => recent(address).length >= FAILURES.max,
    add(address) {
      if (times.size > ADDRESSES_MAX) times.clear();
      times.set(address, [...recent(address), clock.monotonicMs()]);
    },
  };
}
