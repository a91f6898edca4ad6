import { assert } from "#base/assert.ts";
import { PLOT, PLOT_STRIDE } from "./convert.ts";
import type { Plots } from "./plots.ts";
import type { TrackerSettings } from "./tracker-settings.ts";

/**
 * How likely it is that a plot which no track explains is a contact seen for the first time. Contacts not seen yet are a Poisson process
 * (Williams, "Marginal multi-Bernoulli filters", IEEE AES 51(3), 2015): many where tracking begins, fewer with every scan that did not
 * see them, and a few that appear. Without a region every newborn has the same existence, `score.r0`.
 */
export class BirthModel {
  /** Contacts expected in the region that no plot has shown yet. */
  undetected: number;
  readonly #settings: TrackerSettings;

  constructor(settings: TrackerSettings) {
    this.#settings = settings;
    this.undetected = settings.birth.initial;
  }

  /** A new run begins: nothing has been looked at. */
  restart(): void {
    this.undetected = this.#settings.birth.initial;
  }

  /** A scan is over: what was there and not seen stays unseen, what survived stays, and new ones came. */
  scanned(): void {
    const { pd, score, birth } = this.#settings;
    this.undetected = this.undetected * (1 - pd) * score.ps + birth.perScan;
  }

  /** Existence of a newborn of this plot, in [0, 1). */
  existence(plots: Plots, plot: number): number {
    const { birth, score, pd, dims, doppler, extraneousDensity, initSpeedSigmaMps } = this.#settings;
    if (birth.sigmaM === undefined) return score.r0;
    const { rows } = plots;
    const at = plot * PLOT_STRIDE;
    const centre = [birth.xM, birth.yM, birth.zM];
    let density = this.undetected * pd;
    for (let axis = 0; axis < dims; axis += 1) density *= normalDensity(rows[at + axis]! - centre[axis]!, birth.sigmaM);
    if (doppler) density *= normalDensity(rows[at + PLOT.rangeRate]!, initSpeedSigmaMps);
    const existence = density / (density + extraneousDensity);
    assert(existence >= 0 && existence < 1, "an existence is a probability", { existence });
    return existence;
  }
}

function normalDensity(x: number, sigma: number): number {
  return Math.exp(-(x * x) / (2 * sigma * sigma)) / (sigma * Math.sqrt(2 * Math.PI));
}
