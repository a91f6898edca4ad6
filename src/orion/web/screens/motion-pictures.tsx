import { formatBearing, formatNumber } from "#orion/model/format.ts";
import { model } from "../console.ts";
import { t } from "../i18n.ts";
import "./motion.css";

const DEG_PER_RAD = 180 / Math.PI;
const DIAL = 92;
/** Pixels that the horizon moves per degree of pitch. */
const PITCH_PX = 1.6;

/** Artificial horizon against the local level, with the heading around it. Nose up shows more sky, a right roll lowers the right wing. */
export function AttitudePicture() {
  const roll = model.value("attitude.roll_rad");
  const pitch = model.value("attitude.pitch_rad");
  const heading = model.value("heading");
  if (typeof roll !== "number" || typeof pitch !== "number" || typeof heading !== "number")
    return <p class="hint">— {t("absent_not_published")}</p>;
  const rollDeg = roll * DEG_PER_RAD;
  // The twin counts pitch with the nose down.
  const noseUpDeg = -pitch * DEG_PER_RAD;
  const shift = Math.max(-90, Math.min(90, noseUpDeg)) * PITCH_PX;
  const words = `${t("roll")} ${formatNumber(rollDeg, "deg").text}°, ${t(noseUpDeg >= 0 ? "noseUp" : "noseDown")} ${formatNumber(Math.abs(noseUpDeg), "deg").text}°, ${t("heading")} ${formatBearing(heading).text}°`;
  return (
    <figure class="dial truth">
      <svg viewBox="-130 -130 260 260" role="img" aria-label={words}>
        <clipPath id="dial">
          <circle r={DIAL} />
        </clipPath>
        <g clip-path="url(#dial)">
          <g transform={`rotate(${-rollDeg}) translate(0 ${shift})`}>
            <rect class="sky" x="-300" y="-600" width="600" height="600" />
            <rect class="ground" x="-300" y="0" width="600" height="600" />
            <line class="horizon" x1="-300" x2="300" y1="0" y2="0" />
            {[-60, -30, -20, -10, 10, 20, 30, 60].map((mark) => (
              <g key={mark} transform={`translate(0 ${-mark * PITCH_PX})`}>
                <line class="ladder" x1={mark % 30 === 0 ? -34 : -20} x2={mark % 30 === 0 ? 34 : 20} y1="0" y2="0" />
                <text class="ladder-text" x="40" y="4">
                  {Math.abs(mark)}
                </text>
              </g>
            ))}
          </g>
        </g>
        <circle class="rim" r={DIAL} />
        <path class="wings" d="M-52 0 h30 l10 10 l12 -10 l12 10 l10 -10 h30" />
        <g transform={`rotate(${-heading})`}>
          {Array.from({ length: 36 }, (_, at) => at * 10).map((degrees) => (
            <g key={degrees} transform={`rotate(${degrees})`}>
              <line class="tick" x1="0" x2="0" y1={-(DIAL + 4)} y2={-(DIAL + (degrees % 30 === 0 ? 12 : 8))} />
              {degrees % 30 === 0 ? (
                <text class={degrees % 90 === 0 ? "rose main" : "rose"} y={-(DIAL + 17)}>
                  {{ 0: "N", 90: "E", 180: "S", 270: "W" }[degrees] ?? String(degrees).padStart(3, "0")}
                </text>
              ) : null}
            </g>
          ))}
        </g>
        <path class="lubber" d={`M0 ${-(DIAL + 2)} l5 9 h-10 z`} />
        <path class="roll-mark" transform={`rotate(${-rollDeg})`} d={`M0 ${-(DIAL - 3)} l5 9 h-10 z`} />
      </svg>
      <figcaption>{t("localLevel")}</figcaption>
    </figure>
  );
}

const FIELD = 120;
const STEPS = [1, 2, 5];

/** Where the craft is, seen from above: north up, with the points reported so far and the direction of its way. */
export function PositionPicture() {
  void model.history.version.value;
  const position = model.value("position") as { x: number; y: number } | undefined;
  const velocity = model.value("velocity_xyz_m_s") as { x: number; y: number } | undefined;
  const heading = model.value("heading");
  if (position === undefined || typeof heading !== "number") return <p class="hint">— {t("absent_not_published")}</p>;
  const [east, north] = [0, 1].map((at) => model.history.series(`motion.position_m[${at}]`).values) as [
    readonly (number | null)[],
    readonly (number | null)[],
  ];
  const farM = Math.max(
    1,
    Math.abs(position.x),
    Math.abs(position.y),
    ...east.map((x) => Math.abs(x ?? 0)),
    ...north.map((y) => Math.abs(y ?? 0)),
  );
  const ringM = ringOf(farM);
  const scale = FIELD / (2 * ringM);
  const speed = velocity === undefined ? 0 : Math.hypot(velocity.x, velocity.y);
  const ring = formatNumber(ringM, "m", ringM < 1 ? 1 : 0);
  return (
    <figure class="dial truth">
      <svg viewBox="-130 -130 260 260" role="img" aria-label={`${t("position")}: ${position.x.toFixed(1)}, ${position.y.toFixed(1)} m`}>
        <circle class="ring" r={FIELD} />
        <circle class="ring" r={FIELD / 2} />
        <line class="ring" x1={-FIELD} x2={FIELD} y1="0" y2="0" />
        <line class="ring" x1="0" x2="0" y1={-FIELD} y2={FIELD} />
        <text class="rose main" y={-FIELD + 12} x="10">
          N
        </text>
        <text class="ladder-text" x="4" y={-FIELD / 2 - 4}>
          {ring.text} {ring.unit}
        </text>
        <path class="trail" d={trailOf(east, north, scale)} />
        <g transform={`translate(${position.x * scale} ${-position.y * scale})`}>
          {speed > 0.001 && velocity !== undefined ? (
            <line class="way" x1="0" y1="0" x2={(30 * velocity.x) / speed} y2={(-30 * velocity.y) / speed} />
          ) : null}
          <path class="craft" transform={`rotate(${heading})`} d="M0 -9 L6 8 L0 4 L-6 8 Z" />
        </g>
      </svg>
      <figcaption>{t("fromAbove")}</figcaption>
    </figure>
  );
}

/** A round distance such that twice of it holds everything. */
function ringOf(farM: number): number {
  const wanted = farM / 1.8;
  const decade = 10 ** Math.floor(Math.log10(wanted));
  return decade * (STEPS.find((step) => step * decade >= wanted) ?? 10);
}

/** Straight lines between reported points; a gap stays open. */
function trailOf(east: readonly (number | null)[], north: readonly (number | null)[], scale: number): string {
  let isBroken = true;
  return east
    .map((x, at) => {
      const y = north[at];
      if (x === null || y === null || y === undefined) {
        isBroken = true;
        return "";
      }
      const command = isBroken ? "M" : "L";
      isBroken = false;
      return `${command}${(x * scale).toFixed(1)} ${(-y * scale).toFixed(1)}`;
    })
    .join("");
}
