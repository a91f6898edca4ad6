import type { RecordingSummary } from "#contracts/recording.ts";
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { getJson } from "../api.ts";
import { live } from "../console.ts";
import { t } from "../i18n.ts";
import { openReplay, replayProblem } from "../replay.ts";

/** What the recorder says of itself, as far as this screen reads it. */
interface RecorderState {
  readonly [which: string]: { readonly recording_id: string; readonly rows: number } | null;
}

/** What has been recorded, newest first; each can be looked at again on all screens. */
export function RecordingsScreen() {
  const items = useSignal<readonly RecordingSummary[] | undefined>(undefined);
  const problem = useSignal("");
  const load = async (): Promise<void> => {
    const answer = await getJson<{ items: readonly RecordingSummary[] }>("/api/recordings");
    if (answer.ok) items.value = answer.value.items;
    problem.value = answer.ok ? "" : answer.detail;
  };
  useEffect(() => void load(), []);
  const recorder = live.records("system").value.get("recorder") as RecorderState | undefined;
  const written = [recorder?.recording, recorder?.asked].filter((one) => one !== null && one !== undefined);
  const rowsWritten = ({ recording_id: id }: RecordingSummary): string | undefined => {
    const found = written.find((one) => one.recording_id === id);
    return found === undefined ? undefined : `${found.rows} · ${t("beingWritten")}`;
  };
  const firsts = (items.value ?? []).filter(({ segment }) => segment === 1);
  return (
    <>
      <div class="toolbar">
        <button type="button" onClick={() => void load()}>
          {t("readAgain")}
        </button>
      </div>
      {[problem.value, replayProblem.value].map((one) =>
        one === "" ? null : (
          <p key={one} class="problem" role="alert">
            {one}
          </p>
        ),
      )}
      {items.value === undefined && problem.value === "" ? <p class="hint">{t("loading")}</p> : null}
      {items.value?.length === 0 ? <p class="hint">{t("noRecordings")}</p> : null}
      {firsts.length === 0 ? null : (
        <table class="grid">
          <thead>
            <tr>
              <th>{t("file")}</th>
              <th>{t("scenario")}</th>
              <th class="num">{t("fromTick")}</th>
              <th class="num">{t("rows")}</th>
              <th class="num">{t("size")}</th>
              <th />
            </tr>
          </thead>
          <tbody>
            {firsts.toReversed().map((one) => {
              const segments = (items.value ?? []).filter(({ recording_id: id }) => id === one.recording_id);
              return (
                <tr key={one.file} data-row tabIndex={0} data-recording={one.recording_id}>
                  <td class="mono">{one.file}</td>
                  <td>{one.scenario}</td>
                  <td class="num">t{one.start_tick}</td>
                  <td class="num">{segments.at(-1)!.rows ?? rowsWritten(one) ?? t("cutOff")}</td>
                  <td class="num">{(segments.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6).toFixed(1)} MB</td>
                  <td>
                    <button type="button" class="primary" onClick={() => void openReplay(one.recording_id)} data-testid="open-replay">
                      REPLAY
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </>
  );
}
