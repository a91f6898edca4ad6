import { effect, type Signal, signal } from "@preact/signals";
import type { Language } from "#contracts/text.ts";
import { createModel } from "#orion/model/model.ts";
import type { Catalogue } from "#orion/model/protocol.ts";
import { getJson } from "./api.ts";
import { browserPorts } from "./ports.ts";

export const SCREENS = ["overview", "power", "thermal", "incidents", "commands", "audit"] as const;
export type Screen = (typeof SCREENS)[number];

/** The one model of this page, and what this operator has chosen to see. */
export const model = createModel(browserPorts());
export const catalogue: Signal<Catalogue | undefined> = signal(undefined);
export const language: Signal<Language> = signal(localStorage.getItem("orion.language") === "ru" ? "ru" : "en");
export const screen: Signal<Screen> = signal(screenOfHash());
export const whyOpen = signal(false);
export const keysOpen = signal(false);
export const signInOpen = signal(false);
/** Command form to open, with values that another screen suggests. */
export const commandDraft: Signal<{ readonly name: string; readonly values: Readonly<Record<string, string>> } | undefined> =
  signal(undefined);
/** Incident whose row is selected. */
export const selectedIncident: Signal<string | undefined> = signal(undefined);
/** Request or incident id that the audit screen is asked to show. */
export const auditFilter: Signal<string> = signal("");

export const console_ = {
  start(): void {
    model.start();
    effect(() => {
      localStorage.setItem("orion.language", language.value);
      document.documentElement.lang = language.value;
    });
    effect(() => {
      // A new run may have other limits and ports.
      if (model.run.value === undefined) return;
      void getJson<Catalogue>("/api/catalog").then((answer) => {
        if (answer.ok) catalogue.value = answer.value;
      });
    });
    addEventListener("online", () => model.retryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") model.retryNow();
    });
    addEventListener("hashchange", () => {
      screen.value = screenOfHash();
    });
  },
};

export function show(next: Screen): void {
  location.hash = `#/${next}`;
}

function screenOfHash(): Screen {
  const name = location.hash.replace(/^#\//, "").split("?")[0] as Screen;
  return SCREENS.includes(name) ? name : "overview";
}
