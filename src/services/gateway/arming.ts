import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";

export const ARM_MS = 15_000;
const ARMED_MAX = 1000;

/** Hazardous commands that somebody armed and has not sent yet. */
export interface Arming {
  /** A token good for one sending of exactly this command within 15 s. */
  arm(digest: string): string;
  /** Uses a token up, whatever comes of it. */
  use(token: string, digest: string): "armed" | "expired" | "mismatch";
}

export function createArming(clock: Clock): Arming {
  const armed = new Map<string, { readonly digest: string; readonly untilMs: number }>();

  function forget(nowMs: number): void {
    for (const [token, { untilMs }] of armed) {
      if (untilMs > nowMs && armed.size < ARMED_MAX) return;
      armed.delete(token);
    }
  }

  return {
    arm(digest) {
      const nowMs = clock.monotonicMs();
      forget(nowMs);
      const token = randomBytes(18).toString("base64url");
      armed.set(token, { digest, untilMs: nowMs + ARM_MS });
      return token;
    },
    use(token, digest) {
      const arming = armed.get(token);
      armed.delete(token);
      if (arming === undefined || arming.untilMs <= clock.monotonicMs()) return "expired";
      return arming.digest === digest ? "armed" : "mismatch";
    },
  };
}
