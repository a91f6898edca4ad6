import { keysOpen, language, screenKeys, show, signInOpen, whyOpen } from "./console.ts";
import { replayKey } from "./replay.ts";
import { SCREENS } from "./screens/registry.tsx";

/** Keys that only look: none sends a command or acknowledges. */
export function listenToKeys(): void {
  let afterG = false;
  addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.shiftKey && event.code === "KeyL") {
      language.value = language.value === "en" ? "ru" : "en";
      event.preventDefault();
      return;
    }
    if (event.key === "Escape") {
      whyOpen.value = false;
      keysOpen.value = false;
      signInOpen.value = false;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const target = afterG ? SCREENS.find(({ key }) => key === event.key) : undefined;
    afterG = event.key === "g";
    if (target !== undefined) show(target.name);
    else if (event.key === "w") whyOpen.value = !whyOpen.value;
    else if (event.key === "?") keysOpen.value = !keysOpen.value;
    else if (event.key === "j" || event.key === "k") moveRow(event.key === "j" ? 1 : -1);
    else if (event.key === "/") {
      const filter = document.querySelector<HTMLInputElement>("[data-filter]");
      if (filter === null) return;
      filter.focus();
      event.preventDefault();
    } else if (!(event.key === " " && event.target instanceof HTMLButtonElement) && replayKey(event.key)) event.preventDefault();
    else if (screenKeys.value?.(event.key) === true) event.preventDefault();
  });
}

/** Moves the focus among the rows of the table shown. */
function moveRow(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.focus();
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
