import { resolve } from "node:path";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { formatUtcMs, parseUtcMs } from "#base/rfc3339.ts";
import { ROLES } from "#contracts/command-catalogue.ts";
import { addToken, readTokens, revokeToken } from "#store/tokens-file.ts";
import { tokensPath } from "./gateway-access.ts";
import { dataFolder, settings } from "./settings.ts";

interface FileFlags {
  readonly file?: string;
  readonly data?: string;
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, d: 86_400_000 };

/** `qiki token add|list|revoke`: who may come in where a gateway asks for a token. */
export function addTokenVerbs(program: Command): void {
  const token = program.command("token").description("say who may come in where a gateway runs with --auth token");
  withFile(token.command("add"))
    .description("make a token, which is printed once and kept nowhere")
    .argument("<name>", "who it is for: the name that stands in the audit trail")
    .requiredOption("--role <role>", ROLES.join(", "))
    .option("--expires <when>", "until when it holds: 12h, 30d or a time such as 2027-01-01T00:00:00Z; for ever without it")
    .action((name: string, flags: FileFlags & { readonly role: string; readonly expires?: string }) => {
      if (!(ROLES as readonly string[]).includes(flags.role))
        throw new QikiError("usage", `--role ${flags.role} is not possible: give ${ROLES.join(", ")}`);
      const expires = flags.expires === undefined ? undefined : expiryOf(flags.expires, Date.now());
      process.stdout.write(`${addToken(fileOf(flags), name, flags.role, expires)}\n`);
    });
  withFile(token.command("list"))
    .description("list who has a token, as what, until when")
    .option("--json", "print them as JSON")
    .action((flags: FileFlags & { readonly json?: boolean }) => {
      const rows = readTokens(fileOf(flags)).map(({ name, role, expires }) => ({ name, role, expires: expires ?? null }));
      if (flags.json === true) process.stdout.write(`${JSON.stringify(rows)}\n`);
      else for (const { name, role, expires } of rows) process.stdout.write(`${name}\t${role}\t${untilText(expires)}\n`);
    });
  withFile(token.command("revoke"))
    .description("end a token; whoever is in with it is shown out within a second")
    .argument("<name>", "whose it is")
    .action((name: string, flags: FileFlags) => revokeToken(fileOf(flags), name));
}

function withFile(command: Command): Command {
  return command
    .option("--file <file>", "tokens file (QIKI_TOKENS_FILE, else tokens.json in the data folder)")
    .option("--data <folder>", "data folder (QIKI_DATA_DIR, else ./qiki-data)");
}

function fileOf(flags: FileFlags): string {
  return resolve(flags.file ?? settings().gateway.tokensFile ?? tokensPath(dataFolder(flags.data)));
}

function expiryOf(text: string, nowMs: number): string {
  const [, count, unit] = /^(\d{1,6})([hd])$/.exec(text) ?? [];
  const ms = count === undefined ? parseUtcMs(text) : nowMs + Number(count) * UNIT_MS[unit!]!;
  if (ms === undefined) throw new QikiError("usage", `--expires ${text} is no time: give 12h, 30d or one such as 2027-01-01T00:00:00Z`);
  if (ms <= nowMs) throw new QikiError("usage", `--expires ${text} is past already: give a time to come`);
  return formatUtcMs(Math.floor(ms));
}

function untilText(expires: string | null): string {
  if (expires === null) return "for ever";
  return parseUtcMs(expires)! > Date.now() ? `until ${expires}` : `expired ${expires}`;
}
