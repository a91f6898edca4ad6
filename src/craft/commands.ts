import { assertNever } from "#base/assert.ts";
import type { CraftConfig } from "./config.ts";
import { clearFault, FAULT_KINDS, type FaultKind, faultSlot, faultTargets, injectFault } from "./faults.ts";
import { endBurn } from "./feedback.ts";
import { applyInput, type CraftInput } from "./inputs.ts";
import * as at from "./layout.ts";
import { TRANSPONDER_MODES, type TransponderMode } from "./profile-schema.ts";
import { type CraftState, writeVector } from "./state.ts";
import { BURN_AXES, type BurnAxis } from "./thrusters.ts";

/** One change of the craft (simulation §9, §11). Ranges that depend on no state are checked before, by the command catalogue. */
export type CraftCommand =
  | { readonly kind: "dock_power"; readonly on: boolean }
  | { readonly kind: "nbl"; readonly on: boolean }
  | { readonly kind: "nbl_max"; readonly maxPowerW: number }
  /** Without `port`, the default port. */
  | { readonly kind: "dock_engage"; readonly port?: string }
  | { readonly kind: "dock_release" }
  | { readonly kind: "rcs_fire"; readonly axis: BurnAxis; readonly pct: number; readonly durationS: number }
  | { readonly kind: "rcs_stop" }
  | { readonly kind: "xpdr_mode"; readonly mode: TransponderMode }
  | { readonly kind: "drive"; readonly speedMps: number }
  | { readonly kind: "turn"; readonly deltaDeg: number }
  | {
      readonly kind: "fault_inject";
      readonly fault: FaultKind;
      readonly target?: string | number;
      readonly value?: number;
      /** Ticks it acts on, from the next; absent: until cleared. */
      readonly forTicks?: number;
    }
  | { readonly kind: "fault_clear"; readonly fault: FaultKind; readonly target?: string | number }
  | { readonly kind: "input"; readonly input: CraftInput };

/** Why a command was not applied; nothing has changed then. */
export interface Refusal {
  readonly code: "not_allowed_in_state" | "subsystem_disabled" | "comms_disabled" | "invalid_mode" | "invalid_parameter";
  readonly message: string;
  readonly field?: string;
  readonly given?: unknown;
  readonly expected?: string;
}

/** Applies a command to the state at rest, so that it acts in the next tick; or says why not. */
export function applyCraftCommand(state: CraftState, config: CraftConfig, command: CraftCommand): Refusal | undefined {
  switch (command.kind) {
    case "fault_inject":
      return inject(state, config, command);
    case "fault_clear": {
      const slot = slotOf(config, command.fault, command.target);
      if ("code" in slot) return slot;
      clearFault(state.values, 0, config, slot);
      return undefined;
    }
    case "input":
      return setInput(state, command.input);
    default: {
      const refusal = operate(state, config, command);
      if (refusal === undefined) state.commandsApplied += 1;
      return refusal;
    }
  }
}

function setInput({ values }: CraftState, input: CraftInput): Refusal | undefined {
  const problem = applyInput(values, input);
  return problem === undefined ? undefined : invalid(problem.field, problem.given, problem.expected);
}

type OperatorCommand = Exclude<CraftCommand, { readonly kind: "fault_inject" | "fault_clear" | "input" }>;

function operate(state: CraftState, config: CraftConfig, command: OperatorCommand): Refusal | undefined {
  const { values } = state;
  switch (command.kind) {
    case "dock_power":
      return switchDock(values, config, command.on);
    case "nbl":
      values[at.NBL_ACTIVE] = command.on ? 1 : 0;
      return undefined;
    case "nbl_max":
      values[at.NBL_MAX_W] = command.maxPowerW + 0;
      return undefined;
    case "dock_engage":
      return engage(values, config, command.port);
    case "dock_release":
      return release(values, config);
    case "rcs_fire":
      return fire(values, config, command);
    case "rcs_stop":
      if (!config.profile.propulsionPlane.enabled) return disabled("thrusters", "propulsion_plane.enabled");
      endBurn(values, 0);
      return undefined;
    case "xpdr_mode":
      return setMode(values, config, command.mode);
    case "drive":
      values[at.DRIVE_COMMAND_MPS] = command.speedMps + 0;
      return undefined;
    case "turn":
      values[at.TURN_LEFT_DEG] = command.deltaDeg + 0;
      return undefined;
    default:
      return assertNever(command, "craft command");
  }
}

function switchDock(values: Float64Array, config: CraftConfig, on: boolean): Refusal | undefined {
  if (!on) {
    openBridge(values);
    return undefined;
  }
  if (config.profile.dockingPlane.enabled && values[at.DOCKED] === 0)
    return {
      code: "not_allowed_in_state",
      message: "dock power needs a docked craft: sim.dock.engage first",
      given: "undocked",
      expected: "docked",
    };
  values[at.DOCK_CONNECTED] = 1;
  return undefined;
}

/** The next connection begins its soft start anew, even when no tick lies between. */
function openBridge(values: Float64Array): void {
  values[at.DOCK_CONNECTED] = 0;
  values[at.DOCK_TICKS] = 0;
}

function engage(values: Float64Array, config: CraftConfig, port: string | undefined): Refusal | undefined {
  const { enabled, ports, defaultPort } = config.profile.dockingPlane;
  if (!enabled) return disabled("docking", "docking_plane.enabled");
  const index = ports.indexOf(port ?? defaultPort);
  if (index < 0) return invalid("port", port, `one of ${ports.join(", ")}`);
  values[at.DOCKED] = 1;
  values[at.PORT] = index;
  return undefined;
}

function release(values: Float64Array, config: CraftConfig): Refusal | undefined {
  if (!config.profile.dockingPlane.enabled) return disabled("docking", "docking_plane.enabled");
  if (config.holdWhenDocked && values[at.DOCKED] === 1) writeVector(values, at.RATES_RPS, config.tipOffRps);
  values[at.DOCKED] = 0;
  values[at.PORT] = -1;
  openBridge(values);
  return undefined;
}

function fire(values: Float64Array, config: CraftConfig, command: OperatorCommand & { readonly kind: "rcs_fire" }): Refusal | undefined {
  if (!config.profile.propulsionPlane.enabled) return disabled("thrusters", "propulsion_plane.enabled");
  const axis = BURN_AXES.indexOf(command.axis);
  const axes = BURN_AXES.filter((_, index) => config.groups[index] !== undefined);
  if (config.groups[axis] === undefined) return invalid("axis", command.axis, `one of ${axes.join(", ")}, which thrusters push along`);
  if (command.pct === 0 || command.durationS === 0) {
    endBurn(values, 0);
    return undefined;
  }
  if (values[at.PROPELLANT_KG] === 0)
    return {
      code: "not_allowed_in_state",
      message: "there is no propellant left to fire the thrusters with",
      given: 0,
      expected: "propellant above 0 kg",
    };
  values[at.RCS_AXIS] = axis;
  values[at.RCS_PCT] = command.pct;
  values[at.RCS_DURATION_S] = command.durationS;
  values[at.RCS_START_TICK] = values[at.TICK]!;
  return undefined;
}

function setMode(values: Float64Array, config: CraftConfig, mode: TransponderMode): Refusal | undefined {
  if (!config.commsEnabled)
    return { code: "comms_disabled", message: "this profile has no comms: comms_plane.enabled is false", field: "mode", given: mode };
  const index = TRANSPONDER_MODES.indexOf(mode);
  if (index < 0)
    return {
      code: "invalid_mode",
      message: `invalid mode: ${mode}`,
      field: "mode",
      given: mode,
      expected: `one of ${TRANSPONDER_MODES.join(", ")}`,
    };
  values[at.TRANSPONDER_MODE] = index;
  return undefined;
}

function inject(state: CraftState, config: CraftConfig, command: CraftCommand & { readonly kind: "fault_inject" }): Refusal | undefined {
  const slot = slotOf(config, command.fault, command.target);
  if ("code" in slot) return slot;
  const spec = FAULT_KINDS[command.fault];
  const { value, forTicks } = command;
  if (!("value" in spec)) {
    if (value !== undefined) return invalid("value", value, `no value for ${command.fault}`);
  } else {
    const { min, max, unit } = spec.value;
    if (value === undefined || !(value >= min && value <= max)) return invalid("value", value ?? null, `${min}..${max} ${unit}`);
  }
  if (forTicks !== undefined && !(Number.isSafeInteger(forTicks) && forTicks >= 0)) return invalid("for_s", forTicks, "a time above 0 s");
  injectFault(state, config, slot, value ?? 0, forTicks);
  return undefined;
}

function slotOf(config: CraftConfig, fault: FaultKind, target: string | number | undefined): at.FaultSlot | Refusal {
  // A scenario file's word may be none of the type's.
  if (!Object.hasOwn(FAULT_KINDS, fault)) return invalid("kind", fault, `one of ${Object.keys(FAULT_KINDS).join(", ")}`);
  const slot = faultSlot(config, fault, target === undefined ? undefined : String(target));
  if (slot !== undefined) return slot;
  const targets = faultTargets(config, fault);
  return invalid("target", target ?? null, targets.length === 0 ? `no target for ${fault}` : `one of ${targets.join(", ")}`);
}

function disabled(what: string, key: string): Refusal {
  return { code: "subsystem_disabled", message: `${what} disabled in this profile: ${key} is not true` };
}

function invalid(field: string, given: unknown, expected: string): Refusal {
  return { code: "invalid_parameter", field, given, expected, message: `${field} is ${JSON.stringify(given)}, expected ${expected}` };
}
