import { applyCraftCommand, type CraftCommand, type Refusal } from "./commands.ts";
import type { CraftConfig } from "./config.ts";
import type { CraftState } from "./state.ts";
import { BURN_AXES } from "./thrusters.ts";

/** A request to one actuator of the profile, made inside the twin. */
export interface ActuatorRequest {
  readonly actuatorId: string;
  readonly action:
    | { readonly kind: "SET_VELOCITY"; readonly pct: number; readonly durationS: number }
    | { readonly kind: "ROTATE"; readonly deltaDeg: number };
}

/** Applies an actuator request as the command its actuator's role stands for, or says why not. */
export function requestActuator(state: CraftState, config: CraftConfig, request: ActuatorRequest): Refusal | undefined {
  const command = commandOf(config, request);
  return "code" in command ? command : applyCraftCommand(state, config, command);
}

function commandOf(config: CraftConfig, { actuatorId, action }: ActuatorRequest): CraftCommand | Refusal {
  const { actuators, maxSpeedMps } = config.profile;
  const actuator = actuators.find((one) => one.id === actuatorId);
  if (actuator === undefined) return invalid("actuator_id", actuatorId, `one of ${actuators.map((one) => one.id).join(", ")}`);
  const isMotor = actuator.role === "motor_left" || actuator.role === "motor_right";
  if (action.kind === "ROTATE") {
    if (!isMotor) return invalid("action", action.kind, "SET_VELOCITY, for a role other than a motor's");
    return isIn(action.deltaDeg, -360, 360)
      ? { kind: "turn", deltaDeg: action.deltaDeg }
      : invalid("delta_deg", action.deltaDeg, "-360..360 deg");
  }
  if (!isIn(action.pct, 0, 100)) return invalid("pct", action.pct, "0..100 %");
  if (isMotor) {
    const speedMps = action.pct / 100;
    return speedMps <= maxSpeedMps
      ? { kind: "drive", speedMps }
      : invalid("pct", action.pct, `0..${100 * maxSpeedMps} %, for max_speed_mps`);
  }
  const axis = BURN_AXES.find((one) => actuator.role === `rcs_${one}`);
  if (axis === undefined) return invalid("actuator_id", actuatorId, "an actuator whose role is a motor's or rcs_<axis>");
  if (!isIn(action.durationS, 0, 600)) return invalid("duration_s", action.durationS, "0..600 s");
  return { kind: "rcs_fire", axis, pct: action.pct, durationS: action.durationS };
}

function isIn(value: number, min: number, max: number): boolean {
  return value >= min && value <= max;
}

function invalid(field: string, given: unknown, expected: string): Refusal {
  return { code: "invalid_parameter", field, given, expected, message: `${field} is ${JSON.stringify(given)}, expected ${expected}` };
}
