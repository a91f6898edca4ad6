import { Bar } from "./bar.tsx";
import { model, SCREENS, screen, show, whyOpen } from "./console.ts";
import { Keys, SignIn } from "./dialogs.tsx";
import { t } from "./i18n.ts";
import { AuditScreen } from "./screens/audit.tsx";
import { CommandsScreen } from "./screens/commands.tsx";
import { IncidentsScreen } from "./screens/incidents.tsx";
import { OverviewScreen } from "./screens/overview.tsx";
import { PowerScreen } from "./screens/power.tsx";
import { ThermalScreen } from "./screens/thermal.tsx";
import { explainEntries, WhyPanel } from "./why.tsx";

const CONTENT = {
  overview: OverviewScreen,
  power: PowerScreen,
  thermal: ThermalScreen,
  incidents: IncidentsScreen,
  commands: CommandsScreen,
  audit: AuditScreen,
};

export function App() {
  const Content = CONTENT[screen.value];
  const lost = model.link.value.kind === "lost";
  return (
    <>
      <a class="skip" href="#main">
        {t("skipToMain")}
      </a>
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
              key={one}
              type="button"
              class={one === screen.value ? "tab current" : "tab"}
              aria-current={one === screen.value ? "page" : undefined}
              onClick={() => show(one)}
            >
              {t(one)}
            </button>
          ))}
          <button
            type="button"
            class={whyOpen.value ? "tab current" : "tab"}
            aria-pressed={whyOpen.value}
            onClick={() => (whyOpen.value = !whyOpen.value)}
            data-testid="why-button"
          >
            {t("why")} <span class="num">{explainEntries()?.length ?? "—"}</span>
          </button>
        </nav>
        <main id="main" tabIndex={-1} class={model.data.value.kind === "ok" ? "" : "data-old"}>
          <h1>{t(screen.value)}</h1>
          <Content />
        </main>
        <WhyPanel />
      </div>
      <SignIn />
      <Keys />
    </>
  );
}
