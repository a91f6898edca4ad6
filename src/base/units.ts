declare const brand: unique symbol;
/** A primitive that the type checker keeps apart from others of the same kind; it costs nothing at run time. */
export type Branded<Value, Name extends string> = Value & { readonly [brand]: Name };

/** Number of world advances since the start of a run: 0, 1, 2, … */
export type Tick = Branded<number, "Tick">;
/** uuid5 of seed, reset ordinal and boot id (operations §1). */
export type RunId = Branded<string, "RunId">;
/** What ties a command to its ACK, effect and audit records. */
export type RequestId = Branded<string, "RequestId">;
/** `<rule id>:<subject id>`. */
export type IncidentId = Branded<string, "IncidentId">;

export const DEG_PER_RAD = 180 / Math.PI;
export const RAD_PER_DEG = Math.PI / 180;
export const JOULES_PER_WH = 3600;
/** Standard gravity, m/s² (CGPM 1901). */
export const STANDARD_GRAVITY_MPS2 = 9.80665;

export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
