import type { TrackView } from "./radar.ts";

/** The track that the operator looks at: it survives updates and ends with the track. */
export type TrackSelection =
  | { readonly kind: "none" }
  | { readonly kind: "track"; readonly id: string; readonly label: string }
  /** The track is gone; `tick` is when that was first seen, undefined where no tick was known. */
  | { readonly kind: "ended"; readonly id: string; readonly label: string; readonly tick: number | undefined };

export const NOTHING_SELECTED: TrackSelection = { kind: "none" };

/** The selection after an update: `known` tells whether the gateway still has the track, shown or not. */
export function followSelection(selection: TrackSelection, known: (trackId: string) => boolean, tick: number | undefined): TrackSelection {
  if (selection.kind !== "track" || known(selection.id)) return selection;
  return { kind: "ended", id: selection.id, label: selection.label, tick };
}

export function selectTrack({ id, label }: Pick<TrackView, "id" | "label">): TrackSelection {
  return { kind: "track", id, label };
}

/** The next track of the list, round and round; the first, or the last, when none of it is selected. */
export function stepSelection(selection: TrackSelection, list: readonly TrackView[], by: 1 | -1): TrackSelection {
  if (list.length === 0) return selection;
  const at = selection.kind === "none" ? -1 : list.findIndex(({ id }) => id === selection.id);
  const next = at < 0 ? (by === 1 ? 0 : list.length - 1) : (at + by + list.length) % list.length;
  return selectTrack(list[next]!);
}
