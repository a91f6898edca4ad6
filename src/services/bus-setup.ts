import type { Bus, Ensured, SettingDifference } from "#bus/port.ts";
import { DURABLES, STREAMS } from "#contracts/streams.ts";
import { type ReadinessCheck, readinessCheck } from "./roles.ts";

/** What was found or made of one stream or durable. */
export interface SetUp extends Ensured {
  readonly name: string;
}

/** Makes every stream and every durable that is missing, so that nothing is missed whichever role comes first (operations §2.3). */
export async function setUpBus(bus: Bus): Promise<readonly SetUp[]> {
  const found: SetUp[] = [];
  for (const stream of Object.values(STREAMS)) found.push({ name: stream.name, ...(await bus.streams.ensure(stream)) });
  for (const durable of Object.values(DURABLES))
    found.push({ name: `${durable.stream}/${durable.name}`, ...(await bus.streams.ensureDurable(durable)) });
  return found;
}

/** The same, with the settings that the bus has and we would have chosen otherwise; they stay. */
export async function ensureStreams(bus: Bus): Promise<readonly SettingDifference[]> {
  return (await setUpBus(bus)).flatMap(({ differences }) => differences);
}

export function busCheck(bus: Bus): ReadinessCheck {
  const { state, lastError } = bus.status();
  return readinessCheck(
    "bus",
    state === "connected" ? undefined : `the bus is ${state}${lastError === undefined ? "" : `: ${lastError.message}`}`,
  );
}

export function streamsCheck(differences: readonly SettingDifference[]): ReadinessCheck {
  if (differences.length === 0) return { name: "streams", ok: true };
  const kept = differences.map(({ setting, kept: own, wanted }) => `${setting} is ${own}, expected ${wanted}`);
  return { name: "streams", ok: true, reason: `the bus keeps settings of its own: ${kept.join("; ")}` };
}
