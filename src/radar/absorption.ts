import type { Association } from "./association.ts";
import { RANGE_BAND } from "./frame.ts";
import { isAbsorbedByAny, widestSigmaM } from "./merge.ts";
import type { Plots } from "./plots.ts";
import { STATUS, type TrackTable } from "./tracks.ts";

/**
 * Marks of the plots that are the other band's look at something known, and so start no track (radar §6.10): LR plots beside an SR plot
 * of the frame, and plots near a track that the other band updated in it. Undefined where the frame has one band alone. `plots` in
 * canonical order, tracks updated by them.
 */
export function absorbedPlots(plots: Plots, table: TrackTable, association: Association): Uint8Array | undefined {
  const { bands, count } = plots;
  let srEnd = 0;
  while (srEnd < count && bands[srEnd] === RANGE_BAND.sr) srEnd += 1;
  if (srEnd === 0 || srEnd === count || bands[srEnd] !== RANGE_BAND.lr) return undefined;
  const absorbed = new Uint8Array(count);
  const sr = plots.polar.slice(0, srEnd).map((plot) => plot!);
  const widestM = widestSigmaM(sr);
  for (let plot = srEnd; plot < count && bands[plot] === RANGE_BAND.lr; plot += 1)
    if (association.taken[plot] === 0 && isAbsorbedByAny(plots.polar[plot]!, sr, widestM)) absorbed[plot] = 1;
  markNearTracks(plots, table, association, absorbed);
  return absorbed;
}

function markNearTracks(plots: Plots, table: TrackTable, association: Association, absorbed: Uint8Array): void {
  const { bands } = plots;
  const { plotOf, recaptureD2 } = association;
  table.tracks.forEach((track, index) => {
    const taken = plotOf[index]!;
    if (taken === -1 || track.status !== STATUS.tracked || bands[taken] === RANGE_BAND.unspecified) return;
    const other = bands[taken] === RANGE_BAND.sr ? RANGE_BAND.lr : RANGE_BAND.sr;
    association.eachWithin(table, track, plots, recaptureD2, (plot) => {
      if (bands[plot] === other) absorbed[plot] = 1;
    });
  });
}
