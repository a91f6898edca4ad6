import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { COMMANDS, type CommandSpec, commandSpec, type ParameterSpec } from "#contracts/command-catalogue.ts";
import { type CommandAnswer, type GatewayClient, type GatewayFlags, gatewayClient, withGateway } from "./gateway-client.ts";

interface SendFlags extends GatewayFlags {
  readonly params?: string;
  readonly id?: string;
  readonly confirm?: boolean;
  readonly wait: string;
  readonly as: string;
  readonly json?: boolean;
}

type Parameters = Readonly<Record<string, unknown>>;

const POLL_MS = 200;
/** How long an effect is waited for, wall time: it may be pending while the simulation stands still. */
const EFFECT_WAIT_MS = 120_000;
const NEGATIVE = 1;
const NO_ANSWER = 3;

/** `qiki send`: one command through the gateway, like a console's. */
export function addSendVerb(program: Command): void {
  withGateway(program.command("send"))
    .description("send a command to a running twin and print its answer")
    .argument("<command>", "name of the command, such as power.nbl.on")
    .argument("[parameters...]", "parameters as name=value, such as speed=2")
    .option("--params <json>", "parameters as one JSON object instead of name=value")
    .option("--id <request-id>", "id of this command: sent again with the same id, it is answered and not applied twice")
    .option("--confirm", "yes, I know what this command does: needed where it has consequences")
    .option("--wait <what>", "ack: until it is answered; effect: until its effect is seen", "ack")
    .option("--as <name>", "name that stands in the audit trail, where no token says it", "cli")
    .option("--json", "print the whole row as JSON")
    .addHelpText("after", helpText())
    .action(send);
}

async function send(name: string, pairs: readonly string[], flags: SendFlags): Promise<void> {
  if (flags.wait !== "ack" && flags.wait !== "effect")
    throw new QikiError("usage", `--wait ${flags.wait} is not possible: give ack or effect`);
  const spec = commandSpec(name);
  if (spec === undefined) throw new QikiError("usage", `there is no command ${name}: 'qiki send --help' lists them`);
  const parameters = parametersOf(spec, pairs, flags.params);
  const client = await gatewayClient(flags, flags.as);
  const options = { confirm: flags.confirm === true, ...(flags.id === undefined ? {} : { requestId: flags.id }) };
  const answered = await client.send(name, parameters, options);
  const row = flags.wait === "effect" ? await settled(client, answered) : answered;
  process.stdout.write(`${flags.json === true ? JSON.stringify(row) : rowText(row)}\n`);
  process.exitCode = exitCodeOf(row, flags.wait);
}

/** Parameters of the command line in the types of the catalogue. @throws QikiError `usage` */
export function parametersOf(spec: CommandSpec, pairs: readonly string[], json: string | undefined): Parameters {
  const parameters: Record<string, unknown> = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw new QikiError("usage", `${pair} is no parameter: give name=value, such as ${exampleOf(spec)}`);
    const name = pair.slice(0, at);
    if (name in parameters) throw new QikiError("usage", `${name} is given twice: give it once`);
    const known = spec.parameters.find((parameter) => parameter.name === name || parameter.alias === name);
    parameters[name] = known === undefined ? pair.slice(at + 1) : typed(known, pair.slice(at + 1));
  }
  if (json === undefined) return parameters;
  if (pairs.length > 0) throw new QikiError("usage", "--params and name=value are both given: give the parameters one way");
  return jsonObject(json);
}

function jsonObject(text: string): Parameters {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new QikiError("usage", `--params is not JSON: ${(error as Error).message}`, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new QikiError("usage", `--params ${text} is not a JSON object: give one such as '{"speed": 2}'`);
  }
  return value as Parameters;
}

/** A text that is no number where a number belongs goes out as it is: the twin says what it expects. */
function typed(parameter: ParameterSpec, text: string): unknown {
  switch (parameter.kind) {
    case "number":
    case "integer":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "target":
      return /^\d+$/.test(text) ? Number(text) : text;
    default:
      return text;
  }
}

async function settled(client: GatewayClient, answered: CommandAnswer): Promise<CommandAnswer> {
  let row = answered;
  for (let waitedMs = 0; row.stage === "APPLIED" && row.has_effect && waitedMs < EFFECT_WAIT_MS; waitedMs += POLL_MS) {
    await sleep(POLL_MS);
    row = await client.get<CommandAnswer>(`/api/commands/${encodeURIComponent(row.request_id)}`);
  }
  return row;
}

/** One line about a command: what became of it and, where it went wrong, why. */
export function rowText(row: CommandAnswer): string {
  const id = `[${row.request_id}]`;
  switch (row.stage) {
    case "REJECTED":
      return `${row.command_name} refused, ${row.code}: ${row.detail} ${id}`;
    case "TIMEOUT":
      return `${row.command_name} not answered: it is unknown whether it was applied; send it again with --id ${row.request_id}`;
    case "EFFECT_CONFIRMED":
      return `${row.command_name} applied at tick ${row.tick}, effect seen ${id}`;
    case "EFFECT_MISSING":
      return `${row.command_name} applied at tick ${row.tick}, effect missing (${row.effect?.reason ?? "deadline"}): ${JSON.stringify(row.effect?.observed ?? {})} ${id}`;
    default:
      return `${row.command_name} applied at tick ${row.tick}${row.has_effect ? "" : ", no effect to check"} ${id}`;
  }
}

function exitCodeOf(row: CommandAnswer, wait: string): number {
  if (row.stage === "REJECTED" || row.stage === "EFFECT_MISSING") return NEGATIVE;
  if (row.stage === "TIMEOUT" || row.stage === "NOT_SENT" || row.stage === "SENT") return NO_ANSWER;
  return wait === "effect" && row.stage === "APPLIED" && row.has_effect ? NEGATIVE : 0;
}

function exampleOf(spec: CommandSpec): string {
  const [first] = spec.parameters;
  return first === undefined ? "nothing: this command has none" : `${first.name}=…`;
}

function helpText(): string {
  const width = Math.max(...COMMANDS.map((spec) => spec.name.length));
  const lines = COMMANDS.map((spec) => {
    const parameters = spec.parameters.map((parameter) => (isOptional(parameter) ? `[${parameter.name}]` : parameter.name));
    return `  ${spec.name.padEnd(width)} ${spec.hazard === "none" ? " " : "!"} ${parameters.join(" ")}`;
  });
  return `
Examples:
  qiki send sim.start speed=2
  qiki send sim.rcs.fire axis=forward pct=35 duration_s=2 --confirm --wait effect
  qiki send incident.ack incident_id=TEMP_CORE_SPIKE:core occ=1

Exit codes: 0 applied, 1 refused or effect missing, 2 usage, 3 no gateway or no answer.

Commands (! needs --confirm):
${lines.join("\n")}`;
}

function isOptional(parameter: ParameterSpec): boolean {
  return "optional" in parameter || ("default" in parameter && parameter.default !== undefined);
}
