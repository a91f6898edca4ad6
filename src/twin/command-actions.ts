import type { CommandValues } from "#contracts/command.ts";
import type { CraftCommand } from "#craft/commands.ts";
import { ticksOfSeconds } from "#base/tick-time.ts";

/** What a checked command asks of the simulation: a change of the craft, of the run, or of the mode. */
export type SimAction =
  | { readonly kind: "craft"; readonly command: CraftCommand }
  | { readonly kind: "start"; readonly speed: number }
  | { readonly kind: "pause" }
  | { readonly kind: "stop" }
  | { readonly kind: "reset" }
  | { readonly kind: "step"; readonly ticks: number }
  | { readonly kind: "mode"; readonly mode: "FACTORY" | "MISSION" };

/** The action of a command of the catalogue that the sim owns; `values` are checked. */
export function simAction(name: string, values: CommandValues, tickMs: number): SimAction | undefined {
  switch (name) {
    case "sim.start":
      return { kind: "start", speed: values.speed as number };
    case "sim.pause":
      return { kind: "pause" };
    case "sim.stop":
      return { kind: "stop" };
    case "sim.reset":
      return { kind: "reset" };
    case "sim.step":
      return { kind: "step", ticks: values.ticks as number };
    case "system.mode":
      return { kind: "mode", mode: values.mode as "FACTORY" | "MISSION" };
    default: {
      const command = craftCommand(name, values, tickMs);
      return command === undefined ? undefined : { kind: "craft", command };
    }
  }
}

function craftCommand(name: string, values: CommandValues, tickMs: number): CraftCommand | undefined {
  switch (name) {
    case "power.dock.on":
    case "power.dock.off":
      return { kind: "dock_power", on: name === "power.dock.on" };
    case "power.nbl.on":
    case "power.nbl.off":
      return { kind: "nbl", on: name === "power.nbl.on" };
    case "power.nbl.set_max":
      return { kind: "nbl_max", maxPowerW: values.max_power_w as number };
    case "sim.dock.engage":
      return values.port === undefined ? { kind: "dock_engage" } : { kind: "dock_engage", port: values.port as string };
    case "sim.dock.release":
      return { kind: "dock_release" };
    case "sim.rcs.fire":
      if (values.pct === 0 || values.duration_s === 0) return { kind: "rcs_stop" };
      return { kind: "rcs_fire", axis: values.axis as never, pct: values.pct as number, durationS: values.duration_s as number };
    case "sim.rcs.stop":
      return { kind: "rcs_stop" };
    case "sim.drive.set":
      return { kind: "drive", speedMps: values.speed_mps as number };
    case "sim.drive.turn":
      return { kind: "turn", deltaDeg: values.delta_deg as number };
    case "sim.xpdr.mode":
      return { kind: "xpdr_mode", mode: values.mode as never };
    case "sim.fault.inject":
      return {
        kind: "fault_inject",
        fault: values.kind as never,
        ...(values.target === undefined ? {} : { target: values.target as string | number }),
        ...(values.value === undefined ? {} : { value: values.value as number }),
        ...(values.for_s === undefined ? {} : { forTicks: ticksOfSeconds(values.for_s as number, tickMs) }),
      } as CraftCommand;
    case "sim.fault.clear":
      return {
        kind: "fault_clear",
        fault: values.kind as never,
        ...(values.target === undefined ? {} : { target: values.target as string | number }),
      } as CraftCommand;
    default:
      return undefined;
  }
}
