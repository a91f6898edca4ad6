import { AssignmentSolver } from "./assign.ts";
import { chiSquareQuantile } from "./chi-square.ts";
import { PLOT_STRIDE } from "./convert.ts";
import { STATE } from "./filter/filter.ts";
import type { Filter } from "./filter/filter.ts";
import { PlotGrid } from "./gate.ts";
import type { Plots } from "./plots.ts";
import type { TrackerSettings } from "./tracker-settings.ts";
import { STATUS, type Track, type TrackTable } from "./tracks.ts";

const LN_2PI = Math.log(2 * Math.PI);
/** Existence that association assumes where the lifecycle does not estimate it. */
const CONFIRMED_EXISTENCE = 0.999;
const NEW_EXISTENCE = 0.5;
/** Cost of what cannot be: more than any edge, and still exact beside them. */
const IMPOSSIBLE = 1e12;
/** Column of a plot that has been listed and has none yet. */
const LISTED = -1;

/** Which plot each track takes (radar §6.6, 6.7): gate, clusters, the cheapest assignment of each, then recapture. */
export class Association {
  /** Plot of each track, by its place in the table, or -1. */
  plotOf = new Int32Array(0);
  /** Whether each plot is taken. */
  taken = new Uint8Array(0);
  /** Squared distance and ln det S of the plot that each track took. */
  d2Of = new Float64Array(0);
  logDetOf = new Float64Array(0);
  /** Clusters too large for the optimum, so far. */
  overflows = 0;
  readonly gateD2: number;
  /** 0 when there is no recapture. */
  readonly recaptureD2: number;
  readonly #settings: TrackerSettings;
  readonly #filter: Filter;
  readonly #grid = new PlotGrid();
  #found = new Int32Array(0);
  readonly #reach = new Float64Array(3);
  // Edges of track t: #from[t] up to #from[t + 1].
  #from = new Int32Array(1);
  #edgePlot = new Int32Array(256);
  #edgeCost = new Float64Array(256);
  #edgeD2 = new Float64Array(256);
  #edgeLogDet = new Float64Array(256);
  #degree = new Int32Array(0);
  #noneCost = new Float64Array(0);
  // Working memory of clusters: union-find over tracks, the first track of each plot, the column of each plot.
  #root = new Int32Array(0);
  #owner = new Int32Array(0);
  #column = new Int32Array(0);
  #cost = new Float64Array(0);
  #edgeAt = new Int32Array(0);
  readonly #solver = new AssignmentSolver();

  constructor(settings: TrackerSettings, filter: Filter) {
    this.#settings = settings;
    this.#filter = filter;
    this.gateD2 = settings.gateD2 ?? chiSquareQuantile(settings.gateP, filter.dof);
    this.recaptureD2 = settings.recaptureP === 0 ? 0 : chiSquareQuantile(settings.recaptureP, filter.dof);
  }

  assign(table: TrackTable, plots: Plots): void {
    const count = table.tracks.length;
    this.#reserve(count, plots.count);
    this.plotOf.fill(-1, 0, count);
    this.taken.fill(0, 0, plots.count);
    if (plots.count === 0) return;
    this.#grid.build(plots);
    this.#gate(table, plots);
    this.#solve(count, plots.count);
    if (this.recaptureD2 > 0) this.#recapture(table, plots);
  }

  /** The nearest plot within a threshold that `isFree` lets pass, the lower index on a tie; -1 for none. */
  nearest(table: TrackTable, track: Track, plots: Plots, threshold: number, isFree: (plot: number) => boolean): number {
    const found = this.#candidates(table, track, plots, threshold);
    let nearest = -1;
    let least = threshold;
    for (let index = 0; index < found; index += 1) {
      const plot = this.#found[index]!;
      if (!isFree(plot)) continue;
      const d2 = this.#filter.evaluate(table.states, track.row, plots, plot * PLOT_STRIDE, threshold);
      if (d2 < least || (d2 === least && (nearest === -1 || plot < nearest))) [nearest, least] = [plot, d2];
    }
    return nearest;
  }

  /** Visits the plots within a threshold of a track as it stands now. */
  eachWithin(table: TrackTable, track: Track, plots: Plots, threshold: number, visit: (plot: number) => void): void {
    const found = this.#candidates(table, track, plots, threshold);
    for (let index = 0; index < found; index += 1) {
      const plot = this.#found[index]!;
      if (this.#filter.evaluate(table.states, track.row, plots, plot * PLOT_STRIDE, threshold) <= threshold) visit(plot);
    }
  }

  #candidates(table: TrackTable, { row }: Track, plots: Plots, threshold: number): number {
    const { states } = table;
    const reach = this.#reach;
    this.#filter.reach(states, row, plots, reach);
    const halfX = Math.sqrt(threshold * reach[0]!);
    const halfY = Math.sqrt(threshold * reach[1]!);
    const halfZ = Math.sqrt(threshold * reach[2]!);
    const at = row + STATE.position;
    return this.#grid.search(states[at]!, states[at + 1]!, states[at + 2]!, halfX, halfY, halfZ, this.#found);
  }

  #gate(table: TrackTable, plots: Plots): void {
    const { pd, extraneousDensity, lifecycle } = this.#settings;
    const constant = this.#filter.dof * LN_2PI + 2 * Math.log(extraneousDensity);
    const scored = lifecycle === "score";
    const confirmed = { hit: constant - 2 * Math.log(CONFIRMED_EXISTENCE * pd), none: -2 * Math.log(1 - CONFIRMED_EXISTENCE * pd) };
    const young = { hit: constant - 2 * Math.log(NEW_EXISTENCE * pd), none: -2 * Math.log(1 - NEW_EXISTENCE * pd) };
    this.#degree.fill(0, 0, plots.count);
    let edges = 0;
    for (let index = 0; index < table.tracks.length; index += 1) {
      const track = table.tracks[index]!;
      this.#from[index] = edges;
      const r = track.existence;
      const { hit, none } = scored
        ? { hit: constant - 2 * Math.log(r * pd), none: -2 * Math.log(1 - r * pd) }
        : track.status === STATUS.new
          ? young
          : confirmed;
      this.#noneCost[index] = none;
      const found = this.#candidates(table, track, plots, this.gateD2);
      for (let candidate = 0; candidate < found; candidate += 1) {
        const plot = this.#found[candidate]!;
        const d2 = this.#filter.evaluate(table.states, track.row, plots, plot * PLOT_STRIDE, this.gateD2);
        if (!(d2 <= this.gateD2)) continue;
        const { logDetS } = this.#filter;
        const cost = d2 + logDetS + hit;
        if (cost >= none) continue;
        if (edges === this.#edgePlot.length) this.#growEdges();
        this.#edgePlot[edges] = plot;
        this.#edgeCost[edges] = cost;
        this.#edgeD2[edges] = d2;
        this.#edgeLogDet[edges] = logDetS;
        this.#degree[plot] = this.#degree[plot]! + 1;
        edges += 1;
      }
    }
    this.#from[table.tracks.length] = edges;
  }

  #solve(tracks: number, plots: number): void {
    let open: number[] | undefined;
    const rivals = this.#rivalsOf(tracks, plots);
    for (let track = 0; track < tracks; track += 1) {
      const from = this.#from[track]!;
      const edges = this.#from[track + 1]! - from;
      if (edges === 0) continue;
      const plot = this.#edgePlot[from]!;
      if (edges === 1 && this.#degree[plot] === 1) this.#take(track, from);
      else if (edges === 1 && rivals[plot] === 2) this.#meetRival(track, plot);
      else (open ??= []).push(track);
    }
    if (open === undefined) return;
    this.#owner.fill(-1, 0, plots);
    this.#column.fill(0, 0, plots);
    for (const cluster of this.#clusters(open)) this.#solveCluster(cluster);
  }

  /** For each plot that two tracks could take, how many of them could take nothing else. */
  #rivalsOf(tracks: number, plots: number): Int32Array {
    const rivals = this.#column;
    rivals.fill(0, 0, plots);
    this.#owner.fill(-1, 0, plots);
    if (this.#settings.clusterMax < 3) return rivals;
    for (let track = 0; track < tracks; track += 1) {
      const from = this.#from[track]!;
      if (this.#from[track + 1]! - from !== 1) continue;
      const plot = this.#edgePlot[from]!;
      if (this.#degree[plot] === 2) rivals[plot] = rivals[plot]! + 1;
    }
    return rivals;
  }

  /**
   * Two tracks that could take this one plot and no other: by far the most frequent cluster, a newborn beside an old track. Who loses more
   * without it has it; the solver compares the very same differences and gives a tie to the second.
   */
  #meetRival(track: number, plot: number): void {
    const first = this.#owner[plot]!;
    if (first === -1) {
      this.#owner[plot] = track;
      return;
    }
    const loss = (one: number): number => this.#noneCost[one]! - this.#edgeCost[this.#from[one]!]!;
    const winner = loss(first) <= loss(track) ? track : first;
    this.#take(winner, this.#from[winner]!);
  }

  /** Connected components of the tracks given, each in order: tracks that share a plot are joined (Tarjan's union-find). */
  #clusters(open: readonly number[]): number[][] {
    const root = this.#root;
    const owner = this.#owner;
    const rootOf = (track: number): number => {
      let at = track;
      while (root[at] !== at) at = root[at] = root[root[at]!]!;
      return at;
    };
    for (const track of open) root[track] = track;
    for (const track of open) {
      for (let edge = this.#from[track]!; edge < this.#from[track + 1]!; edge += 1) {
        const plot = this.#edgePlot[edge]!;
        if (owner[plot] === -1) owner[plot] = track;
        else {
          const [a, b] = [rootOf(owner[plot]!), rootOf(track)];
          // The lowest track is the root, so that clusters come in the order of their first.
          if (a < b) root[b] = a;
          else root[a] = b;
        }
      }
    }
    const members = new Map<number, number[]>();
    for (const track of open) {
      const first = rootOf(track);
      const cluster = members.get(first);
      if (cluster === undefined) members.set(first, [track]);
      else cluster.push(track);
    }
    return [...members.values()];
  }

  #solveCluster(tracks: readonly number[]): void {
    if (tracks.length === 1) return this.#takeCheapest(tracks[0]!);
    const plots = this.#plotsOf(tracks);
    if (tracks.length + plots.length > this.#settings.clusterMax) return this.#solveGreedily(tracks);
    const columns = plots.length + tracks.length;
    const cells = tracks.length * columns;
    if (this.#cost.length < cells) {
      this.#cost = new Float64Array(cells * 2);
      this.#edgeAt = new Int32Array(cells * 2);
    }
    const cost = this.#cost.fill(IMPOSSIBLE, 0, cells);
    for (let column = 0; column < plots.length; column += 1) this.#column[plots[column]!] = column;
    for (let row = 0; row < tracks.length; row += 1) {
      const track = tracks[row]!;
      for (let edge = this.#from[track]!; edge < this.#from[track + 1]!; edge += 1) {
        const at = row * columns + this.#column[this.#edgePlot[edge]!]!;
        cost[at] = this.#edgeCost[edge]!;
        this.#edgeAt[at] = edge;
      }
      cost[row * columns + plots.length + row] = this.#noneCost[track]!;
    }
    const taken = this.#solver.solve(cost, tracks.length, columns);
    for (let row = 0; row < tracks.length; row += 1) {
      const column = taken[row]!;
      if (column < plots.length) this.#take(tracks[row]!, this.#edgeAt[row * columns + column]!);
    }
  }

  /** Plots that any of the tracks could take, in canonical order. */
  #plotsOf(tracks: readonly number[]): number[] {
    const plots: number[] = [];
    for (const track of tracks)
      for (let edge = this.#from[track]!; edge < this.#from[track + 1]!; edge += 1) {
        const plot = this.#edgePlot[edge]!;
        if (this.#column[plot] !== LISTED) plots.push(plot);
        this.#column[plot] = LISTED;
      }
    return plots.sort((a, b) => a - b);
  }

  /** One track alone: its cheapest plot, the lower index on a tie. */
  #takeCheapest(track: number): void {
    let best = this.#from[track]!;
    for (let edge = best + 1; edge < this.#from[track + 1]!; edge += 1) {
      const difference = this.#edgeCost[edge]! - this.#edgeCost[best]!;
      if (difference < 0 || (difference === 0 && this.#edgePlot[edge]! < this.#edgePlot[best]!)) best = edge;
    }
    this.#take(track, best);
  }

  /** By ascending cost, track, plot: for clusters over the limit. */
  #solveGreedily(tracks: readonly number[]): void {
    this.overflows += 1;
    const edges = tracks.flatMap((track) =>
      Array.from({ length: this.#from[track + 1]! - this.#from[track]! }, (_, index) => ({ track, edge: this.#from[track]! + index })),
    );
    edges.sort(
      (a, b) => this.#edgeCost[a.edge]! - this.#edgeCost[b.edge]! || a.track - b.track || this.#edgePlot[a.edge]! - this.#edgePlot[b.edge]!,
    );
    for (const { track, edge } of edges) if (this.plotOf[track] === -1 && this.taken[this.#edgePlot[edge]!] === 0) this.#take(track, edge);
  }

  #take(track: number, edge: number): void {
    const plot = this.#edgePlot[edge]!;
    this.plotOf[track] = plot;
    this.taken[plot] = 1;
    this.d2Of[track] = this.#edgeD2[edge]!;
    this.logDetOf[track] = this.#edgeLogDet[edge]!;
  }

  /** A confirmed track that got nothing takes the nearest plot that is left within the wider gate. */
  #recapture(table: TrackTable, plots: Plots): void {
    const { tracks } = table;
    for (let index = 0; index < tracks.length; index += 1) {
      const track = tracks[index]!;
      if (this.plotOf[index] !== -1 || track.status === STATUS.new) continue;
      const plot = this.nearest(table, track, plots, this.recaptureD2, (one) => this.taken[one] === 0);
      if (plot === -1) continue;
      this.d2Of[index] = this.#filter.evaluate(table.states, track.row, plots, plot * PLOT_STRIDE, this.recaptureD2);
      this.logDetOf[index] = this.#filter.logDetS;
      this.plotOf[index] = plot;
      this.taken[plot] = 1;
    }
  }

  #reserve(tracks: number, plots: number): void {
    if (this.plotOf.length < tracks) {
      const size = tracks * 2;
      this.plotOf = new Int32Array(size);
      this.d2Of = new Float64Array(size);
      this.logDetOf = new Float64Array(size);
      this.#noneCost = new Float64Array(size);
      this.#from = new Int32Array(size + 1);
      this.#root = new Int32Array(size);
    }
    if (this.taken.length < plots) {
      this.taken = new Uint8Array(plots * 2);
      this.#degree = new Int32Array(plots * 2);
      this.#found = new Int32Array(plots * 2);
      this.#owner = new Int32Array(plots * 2);
      this.#column = new Int32Array(plots * 2);
    }
  }

  #growEdges(): void {
    const grow = <Column extends Int32Array | Float64Array>(from: Column, into: Column): Column => {
      into.set(from);
      return into;
    };
    const size = this.#edgePlot.length * 2;
    this.#edgePlot = grow(this.#edgePlot, new Int32Array(size));
    this.#edgeCost = grow(this.#edgeCost, new Float64Array(size));
    this.#edgeD2 = grow(this.#edgeD2, new Float64Array(size));
    this.#edgeLogDet = grow(this.#edgeLogDet, new Float64Array(size));
  }
}
