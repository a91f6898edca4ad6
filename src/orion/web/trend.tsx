import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatNumber } from "#orion/model/format.ts";
import { model } from "./console.ts";
import { t } from "./i18n.ts";
import "./trend.css";

export interface TrendLine {
  readonly path: string;
  readonly label: string;
}

export interface TrendLimit {
  readonly value: number | undefined;
  readonly label: string;
  /** Dashes of console §4.2: what warns, what is critical, what trips. */
  readonly kind: "warn" | "crit" | "trip";
}

interface TrendProps {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly TrendLine[];
  readonly limits?: readonly TrendLimit[];
}

const HEIGHT_PX = 150;
const REDRAW_MS = 500;
/** Steps of the time axis: whole seconds, minutes, hours. */
const X_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];
const DEG_PER_RAD = 180 / Math.PI;
const LIMIT_DASHES: Readonly<Record<TrendLimit["kind"], number[]>> = { warn: [4, 2], crit: [8, 2], trip: [] };
const LIMIT_COLOURS: Readonly<Record<TrendLimit["kind"], string>> = {
  warn: "--color-status-caution",
  crit: "--color-status-serious",
  trip: "--color-status-serious",
};
/** Lines differ in dash too, not in colour alone. */
const LINE_STYLES: readonly { readonly colour: string; readonly dash: number[] }[] = [
  { colour: "--color-data-visualization-3", dash: [] },
  { colour: "--color-data-visualization-1", dash: [7, 3] },
  { colour: "--color-data-visualization-5", dash: [2, 3] },
  { colour: "--color-data-visualization-8", dash: [10, 3, 2, 3] },
  { colour: "--color-data-visualization-2", dash: [4, 2, 4, 6] },
  { colour: "--color-data-visualization-7", dash: [1, 2] },
  { colour: "--color-text-secondary", dash: [12, 6] },
];

/** Not part of the first load, but fetched right after it: when the link is lost it is too late to fetch anything. */
const plotting = import("uplot").then(
  ({ default: Plot }) => Plot,
  () => undefined,
);

/** What quantities were, as far back as this page has watched the run; gaps stay open, limits are dashed lines. */
export function Trend(props: TrendProps) {
  const { title, unit, lines, limits = [] } = props;
  const place = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  /** Index of the point under the pointer. */
  const pointed = useSignal<number | undefined>(undefined);
  const shape = lines.map((line) => line.path).join() + limits.map((limit) => limit.kind).join();
  useEffect(() => {
    let stop = (): void => {};
    let gone = false;
    void plotting.then((Plot) => {
      if (!gone && Plot !== undefined && place.current !== null)
        stop = draw(Plot, place.current, latest, (index) => (pointed.value = index));
    });
    return () => {
      gone = true;
      stop();
    };
  }, [shape]);
  return (
    <figure class="trend truth" data-trend={lines.map((line) => line.path).join(" ")}>
      <figcaption>
        {title}
        <small> {unit}</small>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}: ${lines.map((line) => line.label).join(", ")}`} />
      <ul>
        {lines.map((line, place_) => (
          <li key={line.path}>
            <Sample place={place_} /> {line.label} <b class="num">{pointText(line.path, unit, pointed.value)}</b>
          </li>
        ))}
        {limits.map((limit) =>
          limit.value === undefined ? null : (
            <li key={limit.label}>
              <LimitSample kind={limit.kind} /> {limit.label} <b class="num">{formatNumber(limit.value, unit).text}</b>
            </li>
          ),
        )}
      </ul>
    </figure>
  );
}

function Sample({ place }: { place: number }) {
  const { colour, dash } = LINE_STYLES[place % LINE_STYLES.length]!;
  return <LineSample colour={colour} dash={dash} />;
}

function LimitSample({ kind }: { kind: TrendLimit["kind"] }) {
  return <LineSample colour={LIMIT_COLOURS[kind]} dash={LIMIT_DASHES[kind]} />;
}

function LineSample({ colour, dash }: { colour: string; dash: readonly number[] }) {
  return (
    <svg width="26" height="8" aria-hidden="true">
      <line x1="0" x2="26" y1="4" y2="4" stroke={`var(${colour})`} stroke-width="2" stroke-dasharray={dash.join(" ")} />
    </svg>
  );
}

/** The value under the pointer, else the newest. */
function pointText(path: string, unit: string, index: number | undefined): string {
  void model.history.version.value;
  const { values } = model.history.series(path);
  const value = index === undefined ? values.at(-1) : values[index];
  return value === null || value === undefined ? "—" : formatNumber(value * factorOf(unit, path), unit).text;
}

/** Angles are kept in radians and shown in degrees. */
function factorOf(unit: string, path: string): number {
  return unit.startsWith("°") && unit !== "°C" && /_r(ad|ps)(\[|$)/.test(path) ? DEG_PER_RAD : 1;
}

function draw(
  Plot: typeof uPlot,
  place: HTMLElement,
  latest: { readonly current: TrendProps },
  point: (index: number | undefined) => void,
): () => void {
  const styles = getComputedStyle(document.documentElement);
  const colour = (name: string): string => styles.getPropertyValue(name).trim();
  const text = colour("--color-text-secondary");
  const axis = { stroke: text, font: "11px system-ui, sans-serif", grid: { stroke: "#ffffff14" }, ticks: { stroke: "#ffffff33" } };
  const { lines, unit } = latest.current;
  const plot = new Plot(
    {
      width: Math.max(120, place.clientWidth),
      height: HEIGHT_PX,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: false }, y: { range: (_, low, high) => rangeOf(low, high, latest.current.limits ?? []) } },
      axes: [
        { ...axis, size: 26, space: 64, incrs: X_STEPS_S, values: (_, splits) => splits.map(clockText) },
        { ...axis, size: 46, values: (_, splits) => splits.map((value) => String(Number(value.toPrecision(6)))) },
      ],
      series: [
        {},
        ...lines.map((_, index) => {
          const style = LINE_STYLES[index % LINE_STYLES.length]!;
          return { stroke: colour(style.colour), width: 1.6, dash: style.dash, points: { show: false } };
        }),
      ],
      hooks: {
        setCursor: [(self) => point(self.cursor.idx ?? undefined)],
        draw: [(self) => drawLimits(self, latest.current.limits ?? [], colour)],
      },
    },
    [[], ...lines.map(() => [])],
    place,
  );

  let timer: ReturnType<typeof setTimeout> | undefined;
  function fill(): void {
    timer = undefined;
    if (document.hidden) return;
    const all = latest.current.lines.map((line) => model.history.series(line.path));
    const factors = latest.current.lines.map((line) => factorOf(unit, line.path));
    const times = all.reduce<readonly number[]>((longest, one) => (one.timesS.length > longest.length ? one.timesS : longest), []);
    const columns = all.map((one, index) =>
      one.values.length === times.length
        ? one.values.map((value) => (value === null ? null : value * factors[index]!))
        : times.map(() => null),
    );
    plot.setData([[...times], ...columns] as uPlot.AlignedData);
  }
  const stopWatching = effect(() => {
    void model.history.version.value;
    timer ??= setTimeout(fill, plot.data[0]!.length === 0 ? 0 : REDRAW_MS);
  });
  const resized = new ResizeObserver(() => plot.setSize({ width: Math.max(120, place.clientWidth), height: HEIGHT_PX }));
  resized.observe(place);
  document.addEventListener("visibilitychange", fill);
  return () => {
    stopWatching();
    clearTimeout(timer);
    resized.disconnect();
    document.removeEventListener("visibilitychange", fill);
    plot.destroy();
  };
}

/** Simulated time since the start: `2:05`, `1:02:05`. */
function clockText(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60;
  return whole < 3600 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(whole / 3600)}:${two(minutes)}:${two(whole % 60)}`;
}

/** All of the values and of the limits, with a margin; a line that stands still lies in the middle. */
function rangeOf(low: number | null, high: number | null, limits: readonly TrendLimit[]): [number, number] {
  const bounds = limits.flatMap((limit) => (limit.value === undefined ? [] : [limit.value]));
  const from = Math.min(low ?? Number.POSITIVE_INFINITY, ...bounds);
  const to = Math.max(high ?? Number.NEGATIVE_INFINITY, ...bounds);
  if (!Number.isFinite(from) || !Number.isFinite(to)) return [0, 1];
  const margin = to > from ? (to - from) * 0.08 : Math.max(1, Math.abs(to) * 0.1);
  return [from - margin, to + margin];
}

function drawLimits(plot: uPlot, limits: readonly TrendLimit[], colour: (name: string) => string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const { value, kind } of limits) {
    if (value === undefined) continue;
    const y = Math.round(plot.valToPos(value, "y", true));
    ctx.strokeStyle = colour(LIMIT_COLOURS[kind]);
    ctx.lineWidth = kind === "trip" ? 2 : 1;
    ctx.setLineDash(LIMIT_DASHES[kind]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** Trends side by side. */
export function Trends({ children }: { children: preact.ComponentChildren }) {
  return (
    <section class="trends" aria-label={t("trends")}>
      {children}
    </section>
  );
}
