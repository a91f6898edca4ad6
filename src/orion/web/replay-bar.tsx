import type { ReplayMark, ReplayPlayer } from "#contracts/replay.ts";
import { formatDuration } from "#orion/model/format.ts";
import { commandLabel } from "./command-row-view.tsx";
import { t } from "./i18n.ts";
import { control, goLive, isReplay, marks, player, replayProblem, seek, seekMark } from "./replay.ts";
import "./replay.css";

const SPEEDS = [0.1, 0.5, 1, 2, 5, 10, 50, 100] as const;
const LANES = ["alarms", "commands", "guards", "modes"] as const;

/** Says above everything that this is not now. */
export function ReplayBanner() {
  const now = player.value;
  if (!isReplay.value) return null;
  return (
    <p class="replay-banner" role="status" data-testid="replay-banner">
      <b>REPLAY</b> <span class="mono">{now?.file ?? "…"}</span>
      {now?.state === "ready" ? (
        <span class="num">
          t{now.at} · {now.playing ? `×${now.speed}` : t("stands")}
        </span>
      ) : null}
      <span>{t("goLiveToCommand")}</span>
      <button type="button" class="primary" onClick={goLive} data-testid="go-live">
        LIVE
      </button>
    </p>
  );
}

/** The player: where the recording stands, what lies on its time line, and how to move. */
export function ReplayBar() {
  const now = player.value;
  if (!isReplay.value) return null;
  if (now === undefined || now.state !== "ready") {
    return (
      <footer class="replay-bar" data-testid="replay-bar" data-state={now?.state ?? "loading"}>
        {now?.state === "failed" ? <p class="problem">{now.problem}</p> : <p class="hint">{t("replayLoads")}</p>}
      </footer>
    );
  }
  return (
    <footer class="replay-bar" data-testid="replay-bar" data-state="ready" data-at={now.at} data-last={now.last}>
      <div class="replay-controls">
        <button
          type="button"
          class="primary"
          onClick={() => void control({ op: now.playing ? "pause" : "play" })}
          data-testid="replay-play"
          aria-label={t(now.playing ? "pause" : "play")}
        >
          {now.playing ? "❚❚" : "▶"}
        </button>
        <button type="button" onClick={() => seekMark(-1)} aria-label={t("previousEvent")} title={`${t("previousEvent")} {`}>
          |◂
        </button>
        <button type="button" onClick={() => void seek(now.at - 1)} aria-label={t("stepBack")} title={`${t("stepBack")} ,`}>
          ◂ t
        </button>
        <button
          type="button"
          onClick={() => void control({ op: "step", by: "tick" })}
          aria-label={t("stepTick")}
          title={`${t("stepTick")} .`}
        >
          t ▸
        </button>
        <button
          type="button"
          onClick={() => void control({ op: "step", by: "event" })}
          title={t("stepEvent")}
          data-testid="replay-step-event"
        >
          {t("event")} ▸
        </button>
        <button
          type="button"
          onClick={() => seekMark(1)}
          aria-label={t("nextEvent")}
          title={`${t("nextEvent")} }`}
          data-testid="replay-next"
        >
          ▸|
        </button>
        <label>
          {t("speed")}{" "}
          <select
            value={String(now.speed)}
            onChange={(event) => {
              const asked = event.currentTarget.value;
              void control({ op: "speed", speed: asked === "max" ? "max" : Number(asked) });
            }}
            data-testid="replay-speed"
          >
            {SPEEDS.map((speed) => (
              <option key={speed} value={String(speed)}>
                ×{speed}
              </option>
            ))}
            <option value="max">max</option>
          </select>
        </label>
        <span class="num" data-testid="replay-time">
          {formatDuration(now.at_ms / 1000)} / {formatDuration(((now.last - now.first) * now.tick_ms) / 1000)}
        </span>
        {now.has_incidents ? null : <span class="quiet">{t("noIncidentsInFile")}</span>}
        {replayProblem.value === "" ? null : <span class="problem">{replayProblem.value}</span>}
      </div>
      <TimeLine now={now} />
    </footer>
  );
}

function TimeLine({ now }: { now: ReplayPlayer }) {
  const span = Math.max(1, now.last - now.first);
  const at = (tick: number): string => `${((tick - now.first) / span) * 100}%`;
  return (
    <div class="replay-line">
      {LANES.map((lane) => (
        <div key={lane} class="replay-lane" data-lane={lane}>
          <span class="label">{t(lane)}</span>
          <div class="replay-marks">
            {marks.value
              .filter((mark) => mark.lane === lane)
              .map((mark, place) => (
                <button
                  key={place}
                  type="button"
                  class={`replay-mark severity-${mark.severity ?? ""}`}
                  style={`left:${at(mark.at)}`}
                  title={`t${mark.at} ${wordOf(mark)}`}
                  aria-label={`t${mark.at} ${wordOf(mark)}`}
                  onClick={() => void seek(mark.at)}
                  tabIndex={-1}
                />
              ))}
            <i class="replay-head" style={`left:${at(now.at)}`} />
          </div>
        </div>
      ))}
      <div class="replay-lane">
        <span class="label num">t{now.at}</span>
        <input
          type="range"
          min={now.first}
          max={now.last}
          value={now.at}
          aria-label={t("playhead")}
          aria-valuetext={`t${now.at}`}
          onInput={(event) => void seek(Number(event.currentTarget.value))}
          data-testid="scrubber"
        />
      </div>
    </div>
  );
}

function wordOf(mark: ReplayMark): string {
  return mark.lane === "commands" ? commandLabel(mark.what) : mark.what;
}
