import type { FunctionComponent } from "preact";
import type { TextKey } from "#orion/model/texts.ts";
import { hashName } from "../console.ts";
import { AuditScreen } from "./audit.tsx";
import { CommandsScreen } from "./commands.tsx";
import { CommsScreen } from "./comms.tsx";
import { DockingScreen } from "./docking.tsx";
import { IncidentsScreen } from "./incidents.tsx";
import { MotionScreen } from "./motion.tsx";
import { OverviewScreen } from "./overview.tsx";
import { PowerScreen } from "./power.tsx";
import { PropulsionScreen } from "./propulsion.tsx";
import { RadarScreen } from "./radar.tsx";
import { RecordingsScreen } from "./recordings.tsx";
import { SensorsScreen } from "./sensors.tsx";
import { ThermalScreen } from "./thermal.tsx";

export interface Screen {
  /** In the address, `#/power`, and the key of its title. */
  readonly name: TextKey;
  /** `g` and then this letter opens it. */
  readonly key: string;
  readonly Content: FunctionComponent;
}

/** Every screen, in the order of the navigation. To add one, add a line here and its title to the texts. */
export const SCREENS: readonly Screen[] = [
  { name: "overview", key: "o", Content: OverviewScreen },
  { name: "power", key: "p", Content: PowerScreen },
  { name: "thermal", key: "t", Content: ThermalScreen },
  { name: "radar", key: "r", Content: RadarScreen },
  { name: "motion", key: "m", Content: MotionScreen },
  { name: "propulsion", key: "f", Content: PropulsionScreen },
  { name: "comms", key: "l", Content: CommsScreen },
  { name: "docking", key: "d", Content: DockingScreen },
  { name: "sensors", key: "s", Content: SensorsScreen },
  { name: "incidents", key: "i", Content: IncidentsScreen },
  { name: "commands", key: "c", Content: CommandsScreen },
  { name: "audit", key: "u", Content: AuditScreen },
  { name: "recordings", key: "y", Content: RecordingsScreen },
];

/** The screen that the address names; the first for any other address. */
export function currentScreen(): Screen {
  return SCREENS.find(({ name }) => name === hashName.value) ?? SCREENS[0]!;
}
