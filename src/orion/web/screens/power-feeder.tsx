import type { PowerFlow } from "#orion/model/power.ts";
import "./power.css";

/**
 * A feeder between the bus and a box: `flow` and `back` carry power (to the right, to the left), `idle` carries none,
 * `open` is disconnected, `cut` was taken off by the twin, `throttled` carries less than was asked.
 */
export type FeederKind = "flow" | "back" | "idle" | "open" | "cut" | "throttled";

const WIDEST_PX = 28;
const THINNEST_PX = 1.5;
const HEIGHT_PX = 36;
const SAMPLE_PX = 10;

/** Watts to a pixel of line width, a 1-2-5 number, such that the strongest flow fits. */
export function scaleOf({ sources, storage, loads }: PowerFlow): number {
  const flows = [...sources.map((one) => one.powerW), ...storage.map((one) => one.inW + one.outW), ...loads.map((one) => one.askedW)];
  const wanted = Math.max(...flows, 1) / WIDEST_PX;
  const decade = 10 ** Math.floor(Math.log10(wanted));
  return decade * ([1, 2, 5].find((step) => step * decade >= wanted) ?? 10);
}

/** What the sample line of the scale stands for. */
export function wattsPerSample(scale: number): number {
  return SAMPLE_PX * scale;
}

interface FeederProps {
  readonly kind: FeederKind;
  readonly widthPx: number;
  readonly askedPx?: number;
  /** A short line for the legend. */
  readonly isSample?: boolean;
  /** A tie rather than a flow has none. */
  readonly hasDirection?: boolean;
}

/** The line of a feeder: its width is its power, its symbol its state. */
export function Feeder({ kind, widthPx, askedPx = 0, isSample = false, hasDirection = !isSample }: FeederProps) {
  const height = isSample ? 14 : HEIGHT_PX;
  const middle = height / 2;
  const carries = kind === "flow" || kind === "back" || kind === "throttled";
  const width = carries ? Math.min(WIDEST_PX, Math.max(THINNEST_PX, widthPx)) : 0;
  return (
    <svg class={`feeder is-${kind}`} height={height} width={isSample ? 34 : "100%"} aria-hidden="true">
      {kind === "throttled" ? <rect class="asked" x="0" width="100%" y={middle - askedPx / 2} height={askedPx} /> : null}
      {carries ? (
        <rect class="carried" x="0" width="100%" y={middle - width / 2} height={width} />
      ) : (
        <line class="dead" x1="0" x2="100%" y1={middle} y2={middle} />
      )}
      {carries && hasDirection ? (
        <svg x="50%" y={middle} overflow="visible">
          <path class="chevron" d={kind === "back" ? "M3 -5 l-6 5 l6 5" : "M-3 -5 l6 5 l-6 5"} />
        </svg>
      ) : null}
      <svg x="50%" y={middle} overflow="visible">
        <Contact kind={kind} />
      </svg>
    </svg>
  );
}

/** An open contact where no power can flow; crossed where the twin opened it. */
function Contact({ kind }: { kind: FeederKind }) {
  if (kind !== "open" && kind !== "cut") return null;
  return (
    <>
      <rect class="gap" x="-15" y="-13" width="30" height="26" />
      <path class="blade" d="M-15 0 L10 -10 M15 0 v0.1" />
      <circle class="contact" cx="-15" cy="0" r="2.5" />
      <circle class="contact" cx="15" cy="0" r="2.5" />
      {kind === "cut" ? <path class="cross" d="M-6 -7 L8 9 M8 -7 L-6 9" /> : null}
    </>
  );
}
