import { useEffect, useRef } from "preact/hooks";
import { Bar } from "./bar.tsx";
import { live, model, show, whyOpen } from "./console.ts";
import { Keys, SignIn } from "./dialogs.tsx";
import { t } from "./i18n.ts";
import { isReplay } from "./replay.ts";
import { ReplayBanner, ReplayBar } from "./replay-bar.tsx";
import { currentScreen, SCREENS } from "./screens/registry.tsx";
import { explainCount, WhyPanel } from "./why.tsx";

export function App() {
  const { name, Content } = currentScreen();
  const lost = live.link.value.kind === "lost";
  useEffect(() => {
    document.getElementById("app")!.classList.toggle("replaying", isReplay.value);
  }, [isReplay.value]);
  const main = useRef<HTMLElement>(null);
  const shown = useRef(name);
  useEffect(() => {
    if (shown.current === name) return;
    shown.current = name;
    // The keys that scroll act on what was opened, from its top.
    main.current?.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [name]);
  return (
    <>
      <a class="skip" href="#main">
        {t("skipToMain")}
      </a>
      <ReplayBanner />
      <Bar />
      {lost ? (
        <p class="banner" role="alert">
          {t("linkLostBanner")}
        </p>
      ) : null}
      <div class="body">
        <nav aria-label="ORION">
          {SCREENS.map((one) => (
            <button
              key={one.name}
              type="button"
              class={one.name === name ? "tab current" : "tab"}
              aria-current={one.name === name ? "page" : undefined}
              onClick={() => show(one.name)}
            >
              {t(one.name)}
            </button>
          ))}
          <button
            type="button"
            class={whyOpen.value ? "tab current" : "tab"}
            aria-pressed={whyOpen.value}
            onClick={() => (whyOpen.value = !whyOpen.value)}
            data-testid="why-button"
          >
            {t("why")} <span class="num">{explainCount()}</span>
          </button>
        </nav>
        <main id="main" ref={main} tabIndex={-1} data-screen={name} class={model.data.value.kind === "ok" ? "" : "data-old"}>
          <h1>{t(name)}</h1>
          <Content />
        </main>
        <WhyPanel />
      </div>
      <ReplayBar />
      <SignIn />
      <Keys />
    </>
  );
}
