import { commandLabel } from "./command-row-view.tsx";
import { draftCommand } from "./console.ts";

/** Buttons that open the form of a command; none sends one. */
export function Actions({ names }: { names: readonly string[] }) {
  return (
    <div class="actions">
      {names.map((name) => (
        <button key={name} type="button" onClick={() => draftCommand(name)}>
          {commandLabel(name)}…
        </button>
      ))}
    </div>
  );
}
