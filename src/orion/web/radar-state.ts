import { computed, effect, type Signal, signal } from "@preact/signals";
import type { Text } from "#contracts/text.ts";
import { radarView } from "#orion/model/radar.ts";
import { followSelection, NOTHING_SELECTED, type TrackSelection } from "#orion/model/radar-selection.ts";
import { type Camera, fit } from "#orion/radar-view/camera.ts";
import { model } from "./console.ts";
import { t } from "./i18n.ts";

/** What the gateway's run record says of the radar; absent from a publisher that leaves it out. */
interface RadarFacts {
  readonly radar_period_s: number;
  readonly sr_threshold_m: number;
  readonly lr_max_range_m: number;
}

export function radarFacts(): Partial<RadarFacts> {
  const run = model.records("system").value.get("run") as { readonly radar?: RadarFacts } | undefined;
  return run?.radar ?? {};
}

/** The radar as of now: one for picture, table and details. */
export const radar = computed(() => {
  void model.nowMs.value;
  const speed = model.value("sim_state.speed");
  return radarView({
    read: model.value,
    isLinkLost: model.link.value.kind === "lost",
    data: model.data.value.kind,
    system: model.timed("system").value,
    ageOf: model.ageOf,
    framePeriodMs: ((radarFacts().radar_period_s ?? 1) * 1000) / (typeof speed === "number" && speed > 0 ? speed : 1),
    tracks: model.timed("tracks").value,
    guards: model.records("guards").value,
    incidents: model.records("incidents").value,
    trailOf: model.trails.of,
  });
});

/** The track that the operator looks at. */
export const selection: Signal<TrackSelection> = signal(NOTHING_SELECTED);

effect(() => {
  const tracks = model.timed("tracks").value;
  selection.value = followSelection(selection.peek(), (trackId) => tracks.has(trackId), model.tick.peek());
});

/** Undefined until there is something to look at. */
const looked: Signal<Camera | undefined> = signal(undefined);
const FIRST_RADIUS_M = 10_000;

/** Where the operator looks; until he has chosen, at what is near. */
export const camera = computed(() => looked.value ?? { radiusM: FIRST_RADIUS_M, panXPx: 0, panYPx: 0 });

export function look(next: Camera): void {
  looked.value = next;
}

/** Looks at all tracks that are not old. */
export function lookAtAll(): void {
  look(fit(freshPoints(Number.POSITIVE_INFINITY), FIRST_RADIUS_M));
}

export function lookAfresh(): void {
  look(nearest());
}

/** Once there are tracks the first view holds the near ones; after that nothing moves it but the operator. */
export function lookAtFirst(): void {
  if (looked.peek() === undefined && radar.peek().tracks.length > 0) look(nearest());
}

function nearest(): Camera {
  const near = freshPoints(FIRST_RADIUS_M);
  return fit(near.length > 0 ? near : freshPoints(Number.POSITIVE_INFINITY), FIRST_RADIUS_M);
}

function freshPoints(withinM: number): { xM: number; yM: number }[] {
  return radar
    .peek()
    .tracks.filter(({ isAged, wire }) => !isAged && wire.range_m <= withinM)
    .flatMap(({ wire: { position } }) => (position === null ? [] : [{ xM: position.x, yM: position.y }]));
}

/** Name of a guard rule: its alarm's title where there is an alarm of that name, else its id. */
export function zoneName(ruleId: string): string {
  const rules = model.records("system").value.get("rules") as { readonly rules?: readonly NamedRule[] } | undefined;
  const title = rules?.rules?.find(({ id }) => id === ruleId)?.title;
  return title === undefined ? ruleId : t(title);
}

interface NamedRule {
  readonly id: string;
  readonly title?: Text;
}
