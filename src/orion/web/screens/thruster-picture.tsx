import { formatNumber } from "#orion/model/format.ts";
import type { ThrusterView } from "#orion/model/propulsion.ts";
import { burnName, reasonText, t } from "../i18n.ts";
import { StatusSymbol } from "../symbol.tsx";
import "./propulsion.css";

/** Two views of the body with its thrusters: horizontal and vertical axis of each, and the body axes that they show. */
const VIEWS = [
  { key: "viewTop", right: (v: readonly number[]) => -v[1]!, up: (v: readonly number[]) => v[0]!, nose: "M-8 -60 L0 -76 L8 -60 Z" },
  { key: "viewBehind", right: (v: readonly number[]) => -v[1]!, up: (v: readonly number[]) => v[2]!, nose: "" },
] as const;
const HALF_PX = 64;
const PLUME_PX = 34;

/** Where thrusters sit and which burn now: a plume leaves against the push, its length is the duty. */
export function ThrusterPicture({ thrusters }: { thrusters: readonly ThrusterView[] }) {
  const placed = thrusters.filter((one) => one.place !== undefined);
  const farM = Math.max(0.1, ...placed.flatMap(({ place }) => place!.positionM.map(Math.abs)));
  const scale = HALF_PX / farM;
  if (placed.length === 0) return <p class="hint">{t(thrusters.length === 0 ? "noBurnNoThrusters" : "placesNotPublished")}</p>;
  return (
    <div class="thrusters truth">
      {VIEWS.map(({ key, right, up, nose }) => (
        <figure key={key}>
          <svg viewBox="-110 -110 220 220" role="img" aria-label={t(key)}>
            <rect class="body" x={-HALF_PX + 6} y={-HALF_PX + 6} width={2 * HALF_PX - 12} height={2 * HALF_PX - 12} rx="8" />
            <path class="nose" d={nose} />
            {placed.map((one) => {
              const [x, y] = [right(one.place!.positionM) * scale, -up(one.place!.positionM) * scale];
              const [pushX, pushY] = [right(one.place!.direction), -up(one.place!.direction)];
              return <Thruster key={one.index} thruster={one} x={x} y={y} pushX={pushX} pushY={pushY} />;
            })}
          </svg>
          <figcaption>{t(key)}</figcaption>
        </figure>
      ))}
    </div>
  );
}

function Thruster({ thruster, x, y, pushX, pushY }: { thruster: ThrusterView; x: number; y: number; pushX: number; pushY: number }) {
  const { index, burn } = thruster;
  const length = burn?.isOpen === true ? 8 + (PLUME_PX * burn.dutyPct) / 100 : 0;
  const angle = (Math.atan2(-pushY, -pushX) * 180) / Math.PI;
  return (
    <g transform={`translate(${x} ${y})`} data-thruster={index} data-open={String(burn?.isOpen === true)}>
      {length > 0 ? <path class="plume" transform={`rotate(${angle})`} d={`M3 -3 L${length} -7 L${length} 7 L3 3 Z`} /> : null}
      <circle class={burn === undefined ? "nozzle" : "nozzle burning"} r="4" />
    </g>
  );
}

/** Every thruster known, with its part in the burn. */
export function ThrusterTable({ thrusters }: { thrusters: readonly ThrusterView[] }) {
  if (thrusters.length === 0) return null;
  return (
    <section class="card">
      <h2>{t("thrusters")}</h2>
      <table class="grid truth">
        <thead>
          <tr>
            <th class="num">№</th>
            <th>{t("cluster")}</th>
            <th>
              {t("pushes")} <small class="tag">{t("profile")}</small>
            </th>
            <th class="num">{t("forceMax")}, N</th>
            <th>{t("valve")}</th>
            <th class="num">{t("duty")}, %</th>
            <th>{t("reason")}</th>
          </tr>
        </thead>
        <tbody>
          {thrusters.map(({ index, clusterId, axes, forceMaxN, burn }) => (
            <tr key={index} data-row tabIndex={0}>
              <td class="num">{index}</td>
              <td>{clusterId}</td>
              <td>{axes.length === 0 ? "—" : axes.map(burnName).join(", ")}</td>
              <td class="num">{formatNumber(forceMaxN, "N", 0).text}</td>
              <td>{burn === undefined ? <span class="quiet">{t("notInBurn")}</span> : <b>{t(burn.isOpen ? "open" : "closed")}</b>}</td>
              <td class="num">{burn === undefined ? "—" : formatNumber(burn.dutyPct, "%").text}</td>
              <td>
                {burn?.throttledBy === undefined ? null : (
                  <>
                    <StatusSymbol status="caution" /> THROTTLED: {reasonText(burn.throttledBy)}
                  </>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
