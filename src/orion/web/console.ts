import { computed, effect, type Signal, signal } from "@preact/signals";
import type { Language } from "#contracts/text.ts";
import { createModel, type Model, shownModel } from "#orion/model/model.ts";
import type { Catalogue } from "#orion/model/protocol.ts";
import type { TextKey } from "#orion/model/texts.ts";
import { getJson } from "./api.ts";
import { browserPorts } from "./ports.ts";

/** What is now. */
export const live = createModel(browserPorts());
/** What the screens show: what is now, or a recording. */
export const shown: Signal<Model> = signal(live);
/** The model that screens read. */
export const model = shownModel(() => shown.value);
export const catalogue: Signal<Catalogue | undefined> = signal(undefined);
export const language: Signal<Language> = signal(localStorage.getItem("orion.language") === "ru" ? "ru" : "en");
/** Name of the screen in the address. */
export const hashName: Signal<string> = signal(nameInHash());
export const whyOpen = signal(false);
export const keysOpen = signal(false);
/** Whether the gateway lets in by token and nobody has signed in here. */
export const needsToken = computed(() => live.link.value.kind === "lost" && live.link.value.needsToken === true);
export const signInOpen = signal(false);
/** Command form to open, with values that another screen suggests. */
export const commandDraft: Signal<{ readonly name: string; readonly values: Readonly<Record<string, string>> } | undefined> =
  signal(undefined);
/** Incident whose row is selected. */
export const selectedIncident: Signal<string | undefined> = signal(undefined);
/** Request or incident id that the audit screen is asked to show. */
export const auditFilter: Signal<string> = signal("");

/** Keys of the screen shown, beside those of every screen; true when the key was one of them. */
export const screenKeys: Signal<((key: string) => boolean) | undefined> = signal(undefined);

export const console_ = {
  start(): void {
    live.start();
    effect(() => {
      localStorage.setItem("orion.language", language.value);
      document.documentElement.lang = language.value;
    });
    effect(() => {
      // A new run may have other limits and ports.
      if (live.run.value === undefined) return;
      void getJson<Catalogue>("/api/catalog").then((answer) => {
        if (answer.ok) catalogue.value = answer.value;
      });
    });
    effect(() => {
      if (needsToken.value) signInOpen.value = true;
    });
    addEventListener("online", () => retryNow());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") retryNow();
    });
    addEventListener("hashchange", () => {
      hashName.value = nameInHash();
    });
  },
};

function retryNow(): void {
  live.retryNow();
  if (shown.value !== live) shown.value.retryNow();
}

/** Opens the screen of that name. */
export function show(name: TextKey): void {
  location.hash = `#/${name}`;
}

/** Opens the form of a command, with values that the caller suggests. */
export function draftCommand(name: string, values: Readonly<Record<string, string>> = {}): void {
  commandDraft.value = { name, values };
  show("commands");
}

function nameInHash(): string {
  return location.hash.replace(/^#\//, "").split("?")[0]!;
}
