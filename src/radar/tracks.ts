import type { RangeBand } from "./frame.ts";
import type { TrackIdentity } from "./identity.ts";

/** Wire numbers of a track's status (radar §2.1); a new track that was dropped is never on the wire. */
export const STATUS = { dropped: 0, new: 1, tracked: 2, lost: 3, coasting: 4 } as const;
export type Status = (typeof STATUS)[keyof typeof STATUS];

/** Where a track comes from: its id is made of this, its handle too. */
export interface Birth {
  readonly frameId: string;
  readonly tick: number | undefined;
  /** 0, 1, 2, … within its frame. */
  readonly order: number;
  readonly timeUs: number;
}

/** One track beside its filter's numbers, which lie in the table's `states` at `row`. */
export interface Track {
  readonly birth: Birth;
  /** Offset of its row in `TrackTable.states`. */
  readonly row: number;
  status: Status;
  hits: number;
  misses: number;
  opportunities: number;
  lastPlotUs: number;
  /** Probability that there is something; only the score lifecycle changes it. */
  existence: number;
  /** Mean of the SNR power ratios. */
  snr: number;
  rcsDbsm: number;
  band: RangeBand;
  identity: TrackIdentity;
}

/** All live tracks, in the order of their births. Rows of tracks that ended are used again. */
export class TrackTable {
  readonly stride: number;
  states: Float64Array;
  tracks: Track[] = [];
  /** Tracks that were lost in the last scan; their rows still hold their last numbers. */
  ended: Track[] = [];
  #free: number[] = [];
  #rows = 0;

  constructor(stride: number) {
    this.stride = stride;
    this.states = new Float64Array(64 * stride);
  }

  /** The offset of a row that nobody uses. */
  takeRow(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    const row = this.#rows * this.stride;
    this.#rows += 1;
    if (row + this.stride > this.states.length) {
      const grown = new Float64Array(this.states.length * 2);
      grown.set(this.states);
      this.states = grown;
    }
    return row;
  }

  /** Takes out the tracks that are lost or dropped; the others keep their order. */
  removeOver(): void {
    let kept = 0;
    const { tracks } = this;
    for (const track of tracks) {
      if (track.status === STATUS.lost) this.ended.push(track);
      else if (track.status === STATUS.dropped) this.#free.push(track.row);
      else tracks[kept++] = track;
    }
    tracks.length = kept;
  }

  /** Forgets the tracks whose last word has been said. */
  forgetEnded(): void {
    for (const { row } of this.ended) this.#free.push(row);
    this.ended.length = 0;
  }

  /** Live tracks and those that just ended, in the order of their births. */
  all(): readonly Track[] {
    return this.ended.length === 0 ? this.tracks : [...this.tracks, ...this.ended].sort(byBirth);
  }

  clear(): void {
    this.tracks = [];
    this.ended = [];
    this.#free = [];
    this.#rows = 0;
  }
}

function byBirth(a: Track, b: Track): number {
  return a.birth.timeUs - b.birth.timeUs || a.birth.order - b.birth.order;
}

/** `<birth tick>:<n>`, or the frame's id in place of a tick that nobody gave: the name of a track that no boot changes. */
export function handleOf({ frameId, tick, order }: Birth): string {
  return `${tick ?? frameId}:${order}`;
}
