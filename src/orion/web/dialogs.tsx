import { useSignal } from "@preact/signals";
import { postJson } from "./api.ts";
import { keysOpen, live, needsToken, signInOpen } from "./console.ts";
import { Dialog } from "./dialog.tsx";
import { t } from "./i18n.ts";
import { SCREENS } from "./screens/registry.tsx";

export function SignIn() {
  const problem = useSignal("");
  if (!signInOpen.value) return null;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const answer = await postJson("/api/login", Object.fromEntries(given));
    if (!answer.ok) {
      problem.value = answer.detail;
      return;
    }
    problem.value = "";
    signInOpen.value = false;
    live.reconnect();
  };
  return (
    <Dialog title={t("signIn")} onClose={() => (signInOpen.value = false)}>
      <form onSubmit={(event) => void submit(event)}>
        {needsToken.value ? (
          <label>
            {t("yourToken")}
            <input name="token" type="password" autocomplete="current-password" required maxLength={200} autofocus data-testid="token" />
          </label>
        ) : (
          <label>
            {t("yourName")}
            <input name="name" autocomplete="username" required maxLength={40} autofocus data-testid="name" />
          </label>
        )}
        {problem.value === "" ? null : <p class="problem">{problem.value}</p>}
        <div class="menu">
          <button type="button" onClick={() => (signInOpen.value = false)}>
            {t("cancel")}
          </button>
          <button type="submit" class="primary">
            {t("signIn")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function Keys() {
  if (!keysOpen.value) return null;
  return (
    <Dialog title={t("keys")} onClose={() => (keysOpen.value = false)}>
      <dl class="keys">
        {SCREENS.map(({ name, key }) => (
          <>
            <dt>
              <kbd>g</kbd> <kbd>{key}</kbd>
            </dt>
            <dd>{t(name)}</dd>
          </>
        ))}
        <dt>
          <kbd>␣</kbd> <kbd>,</kbd> <kbd>.</kbd> <kbd>{"{"}</kbd> <kbd>{"}"}</kbd>
        </dt>
        <dd>{t("keysReplay")}</dd>
        <dt>
          <kbd>w</kbd>
        </dt>
        <dd>{t("why")}</dd>
        <dt>
          <kbd>j</kbd> <kbd>k</kbd>
        </dt>
        <dd>↓ ↑</dd>
        <dt>
          <kbd>[</kbd> <kbd>]</kbd>
        </dt>
        <dd>{t("keysSelectTrack")}</dd>
        <dt>
          <kbd>+</kbd> <kbd>−</kbd> <kbd>f</kbd> <kbd>0</kbd>
        </dt>
        <dd>{t("keysZoom")}</dd>
        <dt>
          <kbd>/</kbd>
        </dt>
        <dd>{t("filterText")}</dd>
        <dt>
          <kbd>Ctrl</kbd> <kbd>Shift</kbd> <kbd>L</kbd>
        </dt>
        <dd>EN / RU</dd>
        <dt>
          <kbd>Esc</kbd>
        </dt>
        <dd>{t("close")}</dd>
      </dl>
      <div class="menu">
        <button type="button" onClick={() => (keysOpen.value = false)}>
          {t("close")}
        </button>
      </div>
    </Dialog>
  );
}
