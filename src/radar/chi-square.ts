import { assert } from "#base/assert.ts";

/**
 * The value that a chi-square variable stays below with probability `p`, by bisection on the series of the incomplete gamma
 * function (Abramowitz and Stegun, 6.5.29). For 2, 3 or 4 degrees of freedom.
 */
export function chiSquareQuantile(p: number, dof: number): number {
  assert(p > 0 && p < 1, "a probability inside (0, 1)", { p });
  let [low, high] = [0, 1];
  while (chiSquareProbability(high, dof) < p) high *= 2;
  for (let step = 0; step < 200 && low < high; step += 1) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (chiSquareProbability(middle, dof) < p) low = middle;
    else high = middle;
  }
  return high;
}

/** Probability that a chi-square variable is at most x. */
export function chiSquareProbability(x: number, dof: number): number {
  assert(dof === 2 || dof === 3 || dof === 4, "two to four degrees of freedom", { dof });
  const [a, half] = [dof / 2, x / 2];
  // x^a e^-x / Γ(a + 1): Γ(2) = 1, Γ(5/2) = 3√π/4, Γ(3) = 2.
  const power = dof === 2 ? half : dof === 3 ? (half * Math.sqrt(half) * 4) / (3 * Math.sqrt(Math.PI)) : (half * half) / 2;
  let [term, sum] = [1, 1];
  for (let n = 1; term > sum * 1e-17; n += 1) {
    term *= half / (a + n);
    sum += term;
  }
  return Math.min(1, power * Math.exp(-half) * sum);
}
