import { Command, CommanderError } from "commander";
import { QikiError } from "#base/error.ts";
import { addAuditVerbs } from "./audit.ts";
import { addConfigVerbs } from "./config-verbs.ts";
import { addBusVerbs } from "./bus-verbs.ts";
import { addDataVerbs } from "./data.ts";
import { addFileVerbs } from "./files-verbs.ts";
import { addIncidentVerbs } from "./incidents.ts";
import { addRecordingVerbs } from "./recording-verbs.ts";
import { addRunVerb } from "./run.ts";
import { addSchemaVerb } from "./schema-verb.ts";
import { addSendVerb } from "./send.ts";
import { addServeVerb } from "./serve.ts";
import { useConfiguration } from "./settings.ts";
import { addTokenVerbs } from "./token.ts";
import { addUpVerb } from "./up.ts";
import { PRODUCT_VERSION } from "./version.ts";

const INTERNAL_FAULT = 6;
const USAGE = 2;

/** The `qiki` program: the only reader of arguments, environment and signals. */
const program = new Command("qiki")
  .description("A deterministic spacecraft digital twin with ORION, its operator console.")
  .version(PRODUCT_VERSION, "-V, --version", "print the version")
  .helpOption("-h, --help", "show help for a verb")
  .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
  .showSuggestionAfterError(true)
  .option("--config <file>", "settings of the services (else qiki.yaml, if it is here); see qiki config")
  .hook("preAction", (root) => useConfiguration(root.opts<{ readonly config?: string }>().config))
  .exitOverride()
  .addHelpText(
    "after",
    `
Start here:
  qiki up                                the twin and its console; open the printed address
  qiki run scenarios/overload.yaml       a scenario as fast as it goes, with a verdict per expectation
  qiki verify FILE                       recompute a recording and prove that it is the same

Exit codes: 0 done, 1 negative verdict, 2 usage or configuration, 3 not possible or not enough evidence,
4 damaged input, 5 resource busy, 6 internal fault.`,
  );

addUpVerb(program);
addServeVerb(program);
addRunVerb(program);
addSendVerb(program);
addRecordingVerbs(program);
addAuditVerbs(program);
addIncidentVerbs(program);
addFileVerbs(program);
addTokenVerbs(program);
addDataVerbs(program);
addBusVerbs(program);
addConfigVerbs(program);
addSchemaVerb(program);

// A reader that has seen enough, such as head, is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : INTERNAL_FAULT));

try {
  await program.parseAsync(process.argv);
} catch (error) {
  process.exitCode = report(error);
}

/** One sentence on standard error, and the exit code of what went wrong. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
  if (error instanceof QikiError) {
    process.stderr.write(`qiki: ${error.message}\n`);
    return error.exitCode;
  }
  process.stderr.write(
    `qiki: internal fault, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return INTERNAL_FAULT;
}
