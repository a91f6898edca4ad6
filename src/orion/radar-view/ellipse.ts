/** Half axes and tilt of an error ellipse. */
export interface Ellipse {
  readonly majorM: number;
  readonly minorM: number;
  /** Of the major axis, counter-clockwise from +X, radians. */
  readonly angleRad: number;
}

/** Probability that the contact lies inside the ellipse drawn. */
export const ELLIPSE_PROBABILITY = 0.95;

/** How many standard deviations hold that probability in two dimensions: √(−2 ln(1 − p)), 2.4477 for 0.95. */
export function sigmasOf(probability: number): number {
  return Math.sqrt(-2 * Math.log(1 - probability));
}

/**
 * Ellipse of a position covariance (xx, xy, xz, yy, yz, zz; m²) seen from above, `sigmas` standard deviations wide; undefined
 * when it is none. Eigenvalues of the 2 × 2 block: ((a + c) ± hypot(a − c, 2b)) / 2.
 */
export function ellipseOf(covariance: readonly number[] | null, sigmas: number): Ellipse | undefined {
  if (covariance === null) return undefined;
  const [a, b, , c] = covariance as [number, number, number, number];
  const spread = Math.hypot(a - c, 2 * b);
  const [large, small] = [(a + c + spread) / 2, (a + c - spread) / 2];
  if (!Number.isFinite(large) || !Number.isFinite(small) || small < 0) return undefined;
  return { majorM: sigmas * Math.sqrt(large), minorM: sigmas * Math.sqrt(small), angleRad: 0.5 * Math.atan2(2 * b, a - c) };
}
