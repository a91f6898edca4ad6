import type { Clock } from "../clock.ts";

export interface RateLimiter {
  /** Whether this identity may do one more now. */
  take(identity: string): boolean;
}

const IDENTITIES_MAX = 10_000;

/** Token bucket per identity: `perSecond` on average, `burst` at once. */
export function createRateLimiter(clock: Clock, perSecond: number, burst: number): RateLimiter {
  const buckets = new Map<string, { tokens: number; atMs: number }>();
  return {
    take(identity) {
      const nowMs = clock.monotonicMs();
      const bucket = buckets.get(identity) ?? { tokens: burst, atMs: nowMs };
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / 1000);
      bucket.atMs = nowMs;
      if (buckets.size > IDENTITIES_MAX) buckets.clear();
      buckets.set(identity, bucket);
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
  };
}
