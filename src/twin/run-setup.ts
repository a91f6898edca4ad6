import type { Scenario } from "./scenario.ts";

/** All that a run is made of, as files and settings said it; `meta` rows and the bus carry it to whoever must rebuild the run. */
export interface RunSetup {
  /** Parsed profile file, with the scenario's `set` already put in. */
  readonly profile: unknown;
  /** Hash of the profile file as written, absent without a file. */
  readonly profileHash: string | undefined;
  /** Parsed thruster file that the profile names. */
  readonly thrusters: unknown;
  readonly scenario: Scenario;
  /** Eight hex digits of this boot; `0` in `qiki run` and tests. */
  readonly bootId: string;
  /** Own transponder id by configuration; absent: derived from the run. */
  readonly transponderId?: string;
  /** What the console shows as mode at boot. */
  readonly mode: "FACTORY" | "MISSION";
}
