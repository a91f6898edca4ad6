import { expect, test } from "vitest";
import { createRateLimiter } from "./rate-limiter.ts";
import { manualClock } from "./test-rig.ts";

const taken = (take: () => boolean, times: number): number => Array.from({ length: times }, take).filter(Boolean).length;

test("rates - a burst, then the rate; saved up to the burst and no more; each identity for itself", () => {
  const clock = manualClock();
  const limiter = createRateLimiter(clock, 5, 10);
  const anna = (): boolean => limiter.take("anna");
  expect(taken(anna, 20)).toBe(10);
  clock.advance(199);
  expect(anna()).toBe(false);
  clock.advance(1);
  expect(taken(anna, 2)).toBe(1);
  clock.advance(60_000);
  expect(taken(anna, 20)).toBe(10);
  expect(limiter.take("ben")).toBe(true);
});

test("rates - asking in vain costs nothing", () => {
  const clock = manualClock();
  const limiter = createRateLimiter(clock, 5, 1);
  const anna = (): boolean => limiter.take("anna");
  expect(taken(anna, 100)).toBe(1);
  clock.advance(200);
  expect(anna()).toBe(true);
});
