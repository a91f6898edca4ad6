import { existsSync } from "node:fs";
import { resolve, sep } from "node:path";
import type { Command } from "commander";
import { backUp, type BackupManifest, restore } from "#store/data-backup.ts";
import { dataFolder, places } from "./settings.ts";
import { PRODUCT_VERSION } from "./version.ts";

interface DataFlags {
  readonly data?: string;
}

/** `qiki data backup|restore`: a copy of everything a twin keeps, and back. */
export function addDataVerbs(program: Command): void {
  const data = program.command("data").description("copy what a twin keeps - audit chain, incidents, recordings, bus - and bring it back");
  data
    .command("backup")
    .description("copy a data folder, also while its twin runs, with a manifest of SHA-256")
    .argument("<folder>", "where the copy goes: empty, or not there yet")
    .option("--data <folder>", "data folder (QIKI_DATA_DIR, else ./qiki-data)")
    .action(async (folder: string, flags: DataFlags) => {
      const about = { made: new Date().toISOString(), productVersion: PRODUCT_VERSION };
      tell(await backUp(dataFolder(flags.data), resolve(folder), about), `copied to ${folder}`);
      for (const path of elsewhere(dataFolder(flags.data)))
        process.stderr.write(`qiki: not in the copy: ${path} lies outside the data folder; copy it by its own means\n`);
    });
  data
    .command("restore")
    .description("fill an empty data folder from a backup, after checking every byte of it")
    .argument("<folder>", "the backup")
    .option("--data <folder>", "data folder to fill (QIKI_DATA_DIR, else ./qiki-data)")
    .action(async (folder: string, flags: DataFlags) => {
      tell(await restore(resolve(folder), dataFolder(flags.data)), `restored to ${dataFolder(flags.data)}`);
    });
}

/** What the settings place outside the data folder, and is there. */
function elsewhere(folder: string): readonly string[] {
  return Object.values(places()).filter((path): path is string => path !== undefined && !path.startsWith(folder + sep) && existsSync(path));
}

function tell({ files, made }: BackupManifest, what: string): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  process.stdout.write(`${files.length} files, ${bytes} bytes ${what} (made ${made})\n`);
}
