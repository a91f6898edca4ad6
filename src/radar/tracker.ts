import { assertNever } from "#base/assert.ts";
import { canonicalJson } from "#base/canonical-json.ts";
import { hash128, hash128Hex } from "#base/murmur3.ts";
import { utf8Encode } from "#base/utf8.ts";
import { absorbedPlots } from "./absorption.ts";
import { Association } from "./association.ts";
import { BirthModel } from "./birth.ts";
import { PLOT_STRIDE } from "./convert.ts";
import type { Vector3 } from "./coordinates.ts";
import { createAlphaBeta } from "./filter/alpha-beta.ts";
import type { Filter } from "./filter/filter.ts";
import { createImm } from "./filter/imm.ts";
import { createKalman } from "./filter/kalman.ts";
import { type Frame, type Looked, RANGE_BAND } from "./frame.ts";
import { createIdentityRules, noIdentity } from "./identity.ts";
import { Intake, type IntakeState, type Refusal } from "./intake.ts";
import { countHit, countMiss, endTrack, isConfirmedAtBirth } from "./lifecycle.ts";
import { Plots, plotDetections } from "./plots.ts";
import type { SensorSettings } from "./sensor-settings.ts";
import type { TrackerSettings } from "./tracker-settings.ts";
import { type TrackView, trackView } from "./track-view.ts";
import { type Birth, handleOf, STATUS, type Track, TrackTable } from "./tracks.ts";

/** What one frame led to: every live track once, those that ended with it among them, in the order of their births. */
export interface TrackScan {
  readonly timeUs: number;
  /** Tick and run of the frame, where it said them. */
  readonly tick: number | undefined;
  readonly runId: string | undefined;
  readonly tracks: readonly TrackView[];
  /** Whether these are the last words of tracks that a new run ended, said by the frame that began it. */
  readonly isRestart: boolean;
}

export type TrackerCounters = Record<
  "frames" | "foreign_sensor" | "births_refused" | "cluster_overflow" | "merged" | "absorbed" | "restarts" | Refusal,
  number
>;

/** What a scan brings beside its plots. */
export interface ScanContext {
  readonly timeUs: number;
  readonly frameId: string;
  readonly tick: number | undefined;
  readonly looked: Looked;
  readonly ownVelocityMps: Vector3 | undefined;
}

interface TrackerState {
  readonly intake: IntakeState;
  readonly scannedUs: number | undefined;
  readonly ownVelocityMps: Vector3 | undefined;
  readonly undetected: number;
  readonly tracks: readonly (Omit<Track, "row"> & { readonly numbers: readonly number[] })[];
  readonly counters: TrackerCounters;
}

const NEW_COUNTERS: TrackerCounters = {
  frames: 0,
  late: 0,
  duplicate: 0,
  same_time: 0,
  foreign_sensor: 0,
  invalid: 0,
  births_refused: 0,
  cluster_overflow: 0,
  merged: 0,
  absorbed: 0,
  restarts: 0,
};

/** Frames of one sensor in, tracks out (radar §6). It sees only what frames carry; same frames, same tracks, bit for bit. */
export class Tracker {
  readonly filter: Filter;
  readonly table: TrackTable;
  counters: TrackerCounters = { ...NEW_COUNTERS };
  readonly #settings: TrackerSettings;
  readonly #sensor: SensorSettings;
  readonly #intake: Intake;
  readonly #association: Association;
  readonly #rules: ReturnType<typeof createIdentityRules>;
  readonly #birthModel: BirthModel;
  readonly #plots = new Plots();
  readonly #maxCoastUs: number;
  #scannedUs: number | undefined;
  #ownVelocityMps: Vector3 | undefined;
  /** Digest of the state as it is, once asked for. */
  #hash: string | undefined;

  constructor(settings: TrackerSettings, sensor: SensorSettings) {
    this.#settings = settings;
    this.#sensor = sensor;
    this.filter = createFilter(settings);
    this.table = new TrackTable(this.filter.stride);
    this.#intake = new Intake(settings);
    this.#association = new Association(settings, this.filter);
    this.#rules = createIdentityRules(settings);
    this.#birthModel = new BirthModel(settings);
    this.#maxCoastUs = Math.round(settings.maxCoastS * 1e6);
  }

  /** Event time of the last scan. */
  get scannedUs(): number | undefined {
    return this.#scannedUs;
  }

  /** Takes a frame as it arrives; the scans that follow from it, none when it is refused or waits. */
  step(frame: Frame): readonly TrackScan[] {
    const arrival = this.#intake.take(frame);
    if (arrival.kind === "refused") {
      this.counters[arrival.reason] += 1;
      return [];
    }
    this.#hash = undefined;
    const scans: TrackScan[] = arrival.isRestart ? this.#restart(frame) : [];
    for (const one of arrival.frames) scans.push(this.#scanFrame(one));
    return scans;
  }

  /** Whether a frame of this id was accepted, as far as ids are remembered. */
  hasSeen(frameId: string): boolean {
    return this.#intake.hasSeen(frameId);
  }

  /** Processes frames that still wait for earlier ones. */
  flush(): readonly TrackScan[] {
    this.#hash = undefined;
    return this.#intake.flush().map((frame) => this.#scanFrame(frame));
  }

  /** Declares a track hostile, or takes that back; an unknown handle changes nothing. */
  declare(handle: string, isHostile: boolean): void {
    const track = this.table.tracks.find(({ birth }) => handleOf(birth) === handle);
    if (track === undefined) return;
    track.identity = this.#rules.declared(track.identity, isHostile);
    this.#hash = undefined;
  }

  /** One scan of plots in canonical order: predict, gate, assign, update, hits and misses, births (radar §6.3, steps 5 to 12). */
  scan(plots: Plots, context: ScanContext): void {
    const { table } = this;
    this.#hash = undefined;
    table.forgetEnded();
    this.#predict(context);
    this.#association.assign(table, plots);
    this.counters.cluster_overflow = this.#association.overflows;
    for (let index = 0; index < table.tracks.length; index += 1) {
      const plot = this.#association.plotOf[index]!;
      if (plot !== -1) this.#hit(index, plots, plot, context.timeUs);
      else if (this.#hadOpportunity(table.tracks[index]!, context.looked)) countMiss(table.tracks[index]!, this.#settings);
    }
    const births = this.#unexplained(plots);
    table.removeOver();
    this.#giveBirth(births, plots, context);
    this.#birthModel.scanned();
    this.#scannedUs = context.timeUs;
    this.counters.frames += 1;
  }

  /** Every live track and those that ended in the last scan, in the order of their births. */
  views(): readonly TrackView[] {
    return this.table.all().map((track) => trackView(track, this.table.states, this.#settings.maxMisses));
  }

  state(): TrackerState {
    return {
      intake: this.#intake.state(),
      scannedUs: this.#scannedUs,
      ownVelocityMps: this.#ownVelocityMps,
      undetected: this.#birthModel.undetected,
      tracks: this.table.tracks.map((track) => this.#stored(track)),
      counters: { ...this.counters },
    };
  }

  restore(state: TrackerState): void {
    this.#hash = undefined;
    this.#intake.restore(state.intake);
    this.#scannedUs = state.scannedUs;
    this.#ownVelocityMps = state.ownVelocityMps;
    this.#birthModel.undetected = state.undetected;
    this.counters = { ...state.counters };
    this.#association.overflows = state.counters.cluster_overflow;
    this.table.clear();
    for (const { numbers, ...track } of state.tracks) {
      const row = this.table.takeRow();
      this.table.states.set(numbers, row);
      this.table.tracks.push({ ...track, row });
    }
  }

  /** Digest of the room `tracks`: handles in place of ids, no counters, so that equal seeds hash equally and a refused frame changes nothing. */
  hash(): string {
    return (this.#hash ??= this.#workedOutHash());
  }

  #workedOutHash(): string {
    const intake = this.#intake.state();
    const [scannedUs, ownVelocityMps, undetected] = [this.#scannedUs, this.#ownVelocityMps, this.#birthModel.undetected];
    // The order of detections in a frame says nothing, also while it waits.
    const waiting = intake.waiting.map(({ timeUs, tick, detections }) => ({
      timeUs,
      tick,
      detections: detections.map(canonicalJson).sort(),
    }));
    // Keys in canonical order: then these many objects need no sorting to be written.
    const tracks = this.table.tracks.map((track) => {
      const { birth, band, existence, hits, ...rest } = this.#stored(track);
      return { band, bornUs: birth.timeUs, existence, handle: handleOf(birth), hits, ...rest };
    });
    const text = canonicalJson({ releasedUs: intake.releasedUs, scannedUs, ownVelocityMps, undetected, tracks, waiting });
    return hash128Hex(hash128(utf8Encode(text)));
  }

  /** A track as plain data, keys in canonical order. */
  #stored(track: Track): Omit<Track, "row"> & { readonly numbers: readonly number[] } {
    const { band, birth, existence, hits, identity, lastPlotUs, misses, opportunities, rcsDbsm, row, snr, status } = track;
    const numbers = Array.from(this.table.states.subarray(row, row + this.table.stride));
    return { band, birth, existence, hits, identity, lastPlotUs, misses, numbers, opportunities, rcsDbsm, snr, status };
  }

  #scanFrame(frame: Frame): TrackScan {
    const { merged } = plotDetections(this.#plots, frame.detections, this.#sensor, this.#settings.dims);
    this.counters.merged += merged;
    this.scan(this.#plots, frame);
    return { timeUs: frame.timeUs, tick: frame.tick, runId: frame.runId, tracks: this.views(), isRestart: false };
  }

  /** Every confirmed track ends a microsecond after the last scan; everything begins anew. */
  #restart({ tick, runId }: Frame): TrackScan[] {
    const scannedUs = this.#scannedUs;
    const lost = this.table.tracks.filter(({ status }) => status !== STATUS.new);
    for (const track of lost) track.status = STATUS.lost;
    const tracks = lost.map((track) => trackView(track, this.table.states, this.#settings.maxMisses));
    this.table.clear();
    this.#scannedUs = undefined;
    this.#ownVelocityMps = undefined;
    this.#birthModel.restart();
    this.counters.restarts += 1;
    return scannedUs === undefined || tracks.length === 0 ? [] : [{ timeUs: scannedUs + 1, tick, runId, tracks, isRestart: true }];
  }

  /** Brings every track to the time of the scan; those without a plot for too long end there. */
  #predict({ timeUs, ownVelocityMps }: ScanContext): void {
    const { table } = this;
    const dtS = this.#scannedUs === undefined ? 0 : (timeUs - this.#scannedUs) / 1e6;
    const ownDv = this.#ownDv(ownVelocityMps);
    const isScored = this.#settings.lifecycle === "score";
    let isAnyOver = false;
    for (const track of table.tracks) {
      if (dtS > 0) this.filter.predict(table.states, track.row, dtS, ownDv);
      if (isScored) track.existence *= this.#settings.score.ps;
      if (timeUs - track.lastPlotUs <= this.#maxCoastUs) continue;
      endTrack(track);
      isAnyOver = true;
    }
    if (isAnyOver) table.removeOver();
  }

  #ownDv(now: Vector3 | undefined): Vector3 {
    const before = this.#ownVelocityMps;
    if (now === undefined) return AT_REST;
    this.#ownVelocityMps = now;
    if (before === undefined) return AT_REST;
    return [now[0] - before[0], now[1] - before[1], this.#settings.dims === 2 ? 0 : now[2] - before[2]];
  }

  #hit(index: number, plots: Plots, plot: number, timeUs: number): void {
    const track = this.table.tracks[index]!;
    this.filter.update(this.table.states, track.row, plots, plot * PLOT_STRIDE);
    track.lastPlotUs = timeUs;
    track.snr = (track.snr + plots.snr[plot]!) / 2;
    track.rcsDbsm = plots.rcsDbsm[plot]!;
    track.band = plots.bands[plot]!;
    if (track.band === RANGE_BAND.sr) track.identity = this.#rules.heard(track.identity, plots.polar[plot]!.detection);
    const { d2Of, logDetOf } = this.#association;
    countHit(track, this.#settings, { dof: this.filter.dof, d2: d2Of[index]!, logDetS: logDetOf[index]! });
  }

  #hadOpportunity({ row }: Track, looked: Looked): boolean {
    if (looked.lr || !looked.sr) return looked.lr;
    const { states } = this.table;
    const [x, y, z] = [states[row]!, states[row + 1]!, states[row + 2]!];
    return Math.sqrt(x * x + y * y + z * z) <= this.#sensor.srThresholdM;
  }

  /** Plots that no track took and that are not the other band's look at something known (radar §6.10). */
  #unexplained(plots: Plots): number[] {
    const left: number[] = [];
    const absorbed = absorbedPlots(plots, this.table, this.#association);
    for (let plot = 0; plot < plots.count; plot += 1) {
      if (this.#association.taken[plot] === 1) continue;
      if (absorbed?.[plot] === 1) this.counters.absorbed += 1;
      else left.push(plot);
    }
    return left;
  }

  #giveBirth(born: readonly number[], plots: Plots, context: ScanContext): void {
    const { table } = this;
    const { maxTracks } = this.#settings;
    // A sender that gives two frames one tick does not give two tracks one handle: the frame's id names them then.
    const tick = born.length > 0 && table.tracks.some(({ birth }) => birth.tick === context.tick) ? undefined : context.tick;
    let order = 0;
    for (const plot of born) {
      if (table.tracks.length >= maxTracks) {
        this.counters.births_refused += 1;
        continue;
      }
      const row = table.takeRow();
      const existence = this.#birthModel.existence(plots, plot);
      this.filter.init(table.states, row, plots, plot * PLOT_STRIDE);
      const band = plots.bands[plot]!;
      const birth: Birth = { frameId: context.frameId, order, tick, timeUs: context.timeUs };
      table.tracks.push({
        birth,
        row,
        status: isConfirmedAtBirth(this.#settings, existence) ? STATUS.tracked : STATUS.new,
        hits: 1,
        misses: 0,
        opportunities: 1,
        lastPlotUs: context.timeUs,
        existence,
        snr: plots.snr[plot]!,
        rcsDbsm: plots.rcsDbsm[plot]!,
        band,
        identity:
          band === RANGE_BAND.sr
            ? this.#rules.heard(noIdentity(false), plots.polar[plot]!.detection)
            : band === RANGE_BAND.lr
              ? BORN_ON_LR
              : BORN_UNSPECIFIED,
      });
      order += 1;
    }
  }
}

const AT_REST: Vector3 = [0, 0, 0];
const BORN_ON_LR = noIdentity(false);
const BORN_UNSPECIFIED = noIdentity(null);

function createFilter(settings: TrackerSettings): Filter {
  const { dims, doppler, q, initSpeedSigmaMps, alphaBeta, imm } = settings;
  switch (settings.filter) {
    case "kalman":
      return createKalman({ dims, doppler, q, initSpeedSigmaMps });
    case "alpha_beta":
      return createAlphaBeta({ dims, initSpeedSigmaMps, sigmaWMps2: alphaBeta.sigmaWMps2 });
    case "imm":
      return createImm({ dims, doppler, q, initSpeedSigmaMps, turnRateDps: imm.turnRateDps, stayP: imm.stayP, turnQ: imm.qCt });
    default:
      return assertNever(settings.filter, "filter");
  }
}
