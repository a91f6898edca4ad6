import type { Tick } from "#base/units.ts";

/** The door of a deterministic machine: the same inputs in the same order give the same outputs and the same snapshot bytes. */
export interface Machine<In, Out> {
  accept(input: In, tick: Tick): readonly Out[];
  /** Canonical bytes of all that later outputs depend on; a keyframe carries them. */
  snapshot(): Uint8Array;
  restore(bytes: Uint8Array): void;
}
