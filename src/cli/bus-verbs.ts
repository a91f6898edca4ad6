import type { Command } from "commander";
import { connectNats } from "#bus/nats.ts";
import { type SetUp, setUpBus } from "#services/bus-setup.ts";
import { natsOptions } from "./nats-options.ts";
import { settings } from "./settings.ts";

/** `qiki bus init`: makes streams and durables before anybody reads or writes. */
export function addBusVerbs(program: Command): void {
  program
    .command("bus")
    .description("the NATS server that a distributed twin runs over")
    .command("init")
    .description("make the streams and durables that are missing; what is there already is kept as it is, and told where it differs")
    .option("--nats <url>", "server, several by commas (NATS_URL, else nats://localhost:4222)")
    .action(init);
}

async function init(flags: { readonly nats?: string }): Promise<void> {
  const bus = await connectNats(natsOptions(flags.nats ?? settings().nats.url));
  try {
    for (const found of await setUpBus(bus)) process.stdout.write(`${line(found)}\n`);
  } finally {
    await bus.close();
  }
}

function line({ name, made, addedSubjects, differences }: SetUp): string {
  if (made) return `made      ${name}`;
  const gained = addedSubjects.length === 0 ? "" : `, gained ${addedSubjects.join(" ")}`;
  const differing = differences.map(({ setting, kept, wanted }) => `\ndiffering ${setting}: ${kept} is kept, expected ${wanted}`);
  return `kept      ${name}${gained}${differing.join("")}`;
}
