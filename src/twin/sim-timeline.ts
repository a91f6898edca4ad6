import { assertNever } from "#base/assert.ts";
import { codeName } from "#base/key-spec.ts";
import { ticksOfSeconds } from "#base/tick-time.ts";
import { type CommandRefusal, checkParameters, specOf } from "#contracts/command.ts";
import { applyCraftCommand, type CraftCommand } from "#craft/commands.ts";
import { INPUT_KEYS } from "#craft/inputs.ts";
import type { CraftState } from "#craft/state.ts";
import type { ContactChange } from "#radar/contacts.ts";
import { type SimAction, simAction } from "./command-actions.ts";
import type { TimelineAction } from "./scenario.ts";
import type { SimModel } from "./sim-state.ts";

interface TimelineContext {
  readonly model: SimModel;
  readonly craft: CraftState;
  readonly changeContact: (change: ContactChange) => void;
  readonly act: (action: SimAction) => CommandRefusal | undefined;
}

/** Applies one timeline entry, or returns why it was refused; a refused entry changes nothing. */
export function applyTimelineAction(
  action: TimelineAction,
  { model, craft, changeContact, act }: TimelineContext,
): CommandRefusal | undefined {
  switch (action.do) {
    case "command": {
      const checked = checkTimelineCommand(action.name, action.params, model);
      return "code" in checked ? checked : act(checked);
    }
    case "input":
      for (const command of inputCommands(action.values)) {
        const refusal = applyCraftCommand(craft, model.config, command);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    case "fault":
      return applyCraftCommand(craft, model.config, faultCommand(action, model));
    case "clear":
      return applyCraftCommand(craft, model.config, {
        kind: "fault_clear",
        fault: action.kind,
        ...(action.target === undefined ? {} : { target: action.target }),
      } as CraftCommand);
    case "contact":
      changeContact(action.change);
      return undefined;
    default:
      return assertNever(action, "timeline action");
  }
}

/**
 * Why an entry can never be applied to this craft, whatever its state will be then. Faults and inputs do not depend on the
 * state, so they are tried on `scratch`, a craft for nothing else.
 */
export function timelineRefusal(action: TimelineAction, model: SimModel, scratch: CraftState): CommandRefusal | undefined {
  return applyTimelineAction(action, {
    model,
    craft: scratch,
    changeContact: () => {},
    act: (asked) => {
      const command = asked.kind === "craft" ? asked.command : undefined;
      const isFault = command?.kind === "fault_inject" || command?.kind === "fault_clear";
      return isFault ? applyCraftCommand(scratch, model.config, command) : undefined;
    },
  });
}

/** A timeline command as an action, or why it cannot be one. */
function checkTimelineCommand(name: string, params: Readonly<Record<string, unknown>>, model: SimModel): SimAction | CommandRefusal {
  const spec = specOf(name);
  if ("code" in spec) return spec;
  if (spec.owner !== "sim")
    return { code: "unknown_command", message: `${name} belongs to ${spec.owner}: a timeline gives commands of the sim`, given: name };
  const checked = checkParameters(spec, params, model.limits);
  if (checked.kind === "refused") return checked.refusal;
  return (
    simAction(name, checked.values, model.settings.tickMs) ?? {
      code: "unknown_command",
      message: `${name} cannot stand in a timeline`,
      given: name,
    }
  );
}

function faultCommand(action: TimelineAction & { do: "fault" }, model: SimModel): CraftCommand {
  return {
    kind: "fault_inject",
    fault: action.kind,
    ...(action.target === undefined ? {} : { target: action.target }),
    ...(action.value === undefined ? {} : { value: action.value }),
    ...(action.forS === undefined ? {} : { forTicks: ticksOfSeconds(action.forS, model.settings.tickMs) }),
  } as CraftCommand;
}

function inputCommands(values: Readonly<Record<string, unknown>>): CraftCommand[] {
  return INPUT_KEYS.flatMap(({ key }) =>
    values[key] === undefined ? [] : [{ kind: "input", input: { [codeName(key)]: values[key] } } as unknown as CraftCommand],
  );
}
