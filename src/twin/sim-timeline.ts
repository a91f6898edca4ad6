import { assertNever } from "#base/assert.ts";
import { ticksOfSeconds } from "#base/tick-time.ts";
import { type CommandRefusal, checkParameters, specOf } from "#contracts/command.ts";
import { applyCraftCommand, type CraftCommand } from "#craft/commands.ts";
import type { CraftState } from "#craft/state.ts";
import { type SimAction, simAction } from "./command-actions.ts";
import type { TimelineAction } from "./scenario.ts";
import type { SimModel } from "./sim-state.ts";

interface TimelineContext {
  readonly model: SimModel;
  readonly craft: CraftState;
  readonly act: (action: SimAction) => CommandRefusal | undefined;
}

/** Applies one timeline entry, or returns why it was refused; a refused entry changes nothing. */
export function applyTimelineAction(action: TimelineAction, { model, craft, act }: TimelineContext): CommandRefusal | undefined {
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
      return undefined;
    default:
      return assertNever(action, "timeline action");
  }
}

/** A timeline command as an action, or why it cannot be one. */
export function checkTimelineCommand(name: string, params: Readonly<Record<string, unknown>>, model: SimModel): SimAction | CommandRefusal {
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
  const commands: CraftCommand[] = [];
  if (values.base_in_w !== undefined) commands.push({ kind: "input", input: { baseInW: values.base_in_w } } as CraftCommand);
  if (values.ambient_c !== undefined) commands.push({ kind: "input", input: { ambientC: values.ambient_c } } as CraftCommand);
  if (values.radar_enabled !== undefined) commands.push({ kind: "input", input: { radarEnabled: values.radar_enabled } } as CraftCommand);
  if (values.radiation_usvh !== undefined)
    commands.push({ kind: "input", input: { radiationUsvh: values.radiation_usvh } } as CraftCommand);
  return commands;
}
