import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { QikiError } from "#base/error.ts";
import { parseUtcMs } from "#base/rfc3339.ts";
import type { AuditRecord } from "#contracts/audit.ts";
import { openAuditReader } from "#store/audit-reader.ts";
import { AUDIT_PAGE_MAX, type AuditFilters, type AuditPage, parseOrUndefined } from "#store/audit-query.ts";
import { type ChainVerdict, type KnownHead, verdictText, verifyChain } from "#store/verify-chain.ts";
import { type GatewayFlags, gatewayGet, withGateway } from "./gateway-client.ts";

interface SourceFlags extends GatewayFlags {
  readonly store?: string;
}

interface FilterFlags extends SourceFlags {
  readonly from?: string;
  readonly to?: string;
  readonly run?: string;
  readonly actor?: string;
  readonly incident?: string;
  readonly kind?: string;
}

interface VerifyFlags extends SourceFlags {
  readonly export?: string;
  readonly head?: string;
  readonly json?: boolean;
}

/** `qiki audit list|verify|export`. */
export function addAuditVerbs(program: Command): void {
  const audit = program
    .command("audit")
    .description("read, prove or export the audit chain of a running twin (--url) or of a store at rest (--store)");
  withFilters(audit.command("list").description("print the records, oldest first, a line each"))
    .option("--json", "print the records as JSON lines")
    .action(async (flags: FilterFlags & { readonly json?: boolean }) => {
      for await (const record of records(flags))
        process.stdout.write(`${flags.json === true ? JSON.stringify(record) : recordLine(record)}\n`);
    });
  withFilters(audit.command("export").description("write the records as JSON lines; 'audit verify --export' proves the file later"))
    .option("--out <file>", "file to write; without it they go to standard output")
    .action(exportRecords);
  withSource(audit.command("verify").description("recompute every hash: nothing edited, removed, reordered or cut off"))
    .option("--export <file>", "check an export instead")
    .option("--head <file-or-hash>", "a head noted earlier, which the chain must contain")
    .option("--json", "print the verdict as JSON")
    .addHelpText("after", "\nExit codes: 0 OK, 1 BAD, 3 no gateway, 4 not readable, 5 the store is in use.")
    .action(verify);
}

function withSource(command: Command): Command {
  return withGateway(command).option("--store <file>", "store of a twin that is not running, such as qiki-data/qiki.sqlite");
}

function withFilters(command: Command): Command {
  return withSource(command)
    .option("--from <time>", "from this time on (RFC 3339; wall time, event time with --run)")
    .option("--to <time>", "before this time")
    .option("--run <id>", "records of this run")
    .option("--actor <name>", "records of this operator")
    .option("--incident <id>", "records of this incident, such as TEMP_CORE_SPIKE:core")
    .option("--kind <kind>", "records of this kind, such as incident_ack or command_result");
}

async function exportRecords(flags: FilterFlags & { readonly out?: string }): Promise<void> {
  if (flags.out !== undefined && existsSync(flags.out))
    throw new QikiError("file_exists", `${flags.out} exists already: give another name with --out`);
  const lines: string[] = [];
  for await (const record of records(flags)) lines.push(`${JSON.stringify(record)}\n`);
  if (flags.out === undefined) process.stdout.write(lines.join(""));
  else {
    writeFileSync(flags.out, lines.join(""));
    process.stdout.write(`${lines.length} records written to ${flags.out}\n`);
  }
}

/** Records that pass the flags' filters, page by page. */
async function* records(flags: FilterFlags): AsyncGenerator<AuditRecord> {
  const filters = filtersOf(flags);
  const reader = flags.store === undefined ? undefined : openAuditReader(storeFile(flags.store));
  try {
    let after: number | undefined = -1;
    while (after !== undefined) {
      const page: AuditPage = reader?.list(filters, after, AUDIT_PAGE_MAX) ?? (await gatewayGet<AuditPage>(flags, pagePath(flags, after)));
      yield* page.items;
      after = page.next;
    }
  } finally {
    reader?.close();
  }
}

function filtersOf(flags: FilterFlags): AuditFilters {
  return {
    ...(flags.from === undefined ? {} : { fromMs: timeMs("--from", flags.from) }),
    ...(flags.to === undefined ? {} : { toMs: timeMs("--to", flags.to) }),
    ...(flags.run === undefined ? {} : { run: flags.run }),
    ...(flags.actor === undefined ? {} : { operator: flags.actor }),
    ...(flags.incident === undefined ? {} : { incident: flags.incident }),
    ...(flags.kind === undefined ? {} : { kind: flags.kind }),
  };
}

function timeMs(flag: string, text: string): number {
  const ms = parseUtcMs(text);
  if (ms === undefined) throw new QikiError("usage", `${flag} ${text} is no time: give one such as 2026-11-22T10:00:00Z`);
  return ms;
}

function pagePath(flags: FilterFlags, after: number): string {
  const query = new URLSearchParams({ limit: String(AUDIT_PAGE_MAX), after: String(after) });
  const { from, to, run, actor: operator, incident, kind: type } = flags;
  for (const [name, value] of Object.entries({ from, to, run, operator, incident, type })) if (value !== undefined) query.set(name, value);
  return `/api/audit?${query}`;
}

function recordLine(record: AuditRecord): string {
  const about = record.incident_id ?? record.request_id ?? "";
  const moved = record.from === undefined ? "" : `${record.from}>${record.to} `;
  const { code, command_name: name } = record.body;
  const detail = [name, record.ok ? "" : "not ok", code].filter((part) => typeof part === "string" && part !== "").join(" ");
  const eventTime = record.timestamp ?? "-";
  return `${record.seq} ${eventTime} ${record.wall} ${record.operator} ${record.kind} ${moved}${about} ${detail}`.trimEnd();
}

async function verify(flags: VerifyFlags): Promise<void> {
  const heads = flags.head === undefined ? [] : [headOf(flags.head)];
  const { ok, text, detail } = await verdictOf(flags, heads);
  process.stdout.write(flags.json === true ? `${JSON.stringify(detail)}\n` : `${text}\n`);
  process.exitCode = ok ? 0 : 1;
}

async function verdictOf(
  flags: VerifyFlags,
  heads: readonly KnownHead[],
): Promise<{ readonly ok: boolean; readonly text: string; readonly detail: unknown }> {
  if (flags.export !== undefined) return told(verifyChain(exportLines(flags.export), heads));
  if (flags.store !== undefined) {
    const reader = openAuditReader(storeFile(flags.store));
    try {
      return told(reader.verify(heads));
    } finally {
      reader.close();
    }
  }
  if (heads.length > 0) {
    const all: AuditRecord[] = [];
    for await (const record of records({ url: flags.url, ...(flags.tokenFile === undefined ? {} : { tokenFile: flags.tokenFile }) }))
      all.push(record);
    return told(verifyChain(all, heads));
  }
  const { ok: _answered, ...detail } = await gatewayGet<{ ok: boolean; verdict: string; text: string }>(flags, "/api/audit/verify");
  return { ok: detail.verdict === "ok", text: detail.text, detail };
}

function told(verdict: ChainVerdict): { readonly ok: boolean; readonly text: string; readonly detail: ChainVerdict } {
  return { ok: verdict.ok, text: verdictText(verdict), detail: verdict };
}

/** A head file, such as `qiki.sqlite.head`, or the hash itself. */
function headOf(text: string): KnownHead {
  if (/^[0-9a-f]{64}$/.test(text)) return { hash: text };
  const head = existsSync(text) ? (parseOrUndefined(readFileSync(text, "utf8")) as Partial<KnownHead> | undefined) : undefined;
  if (typeof head?.hash === "string") return head as KnownHead;
  throw new QikiError("usage", `--head ${text} is neither a hash of 64 hex digits nor a head file with {chain_id, seq, hash}`);
}

function exportLines(path: string): unknown[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new QikiError("recording_damaged", `the export ${path} cannot be read: ${(error as Error).message}`, error);
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseOrUndefined);
}

/** The path of a store that is there. @throws QikiError `store_damaged` */
export function storeFile(path: string): string {
  if (existsSync(path)) return path;
  throw new QikiError("store_damaged", `there is no store ${path}: give the qiki.sqlite of a data folder`);
}
