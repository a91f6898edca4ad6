import type { GapRow } from "#contracts/recording.ts";
import { RUN_HEADER, SEQ_HEADER } from "#contracts/message.ts";

/** Finds messages that never arrived by the sequence that each publisher puts on each subject's messages. */
export class GapWatch {
  private readonly last = new Map<string, { readonly run: string | undefined; readonly seq: number }>();

  /** The gap before a message; a new run, a repeat or a message without a sequence has none. */
  note(subject: string, headers: Readonly<Record<string, string>> | undefined): GapRow | undefined {
    const text = headers?.[SEQ_HEADER];
    if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
    const seq = Number(text);
    const run = headers?.[RUN_HEADER];
    const last = this.last.get(subject);
    const isNewRun = last === undefined || last.run !== run;
    if (isNewRun || seq > last.seq) this.last.set(subject, { run, seq });
    const missed = isNewRun ? 0 : seq - last.seq - 1;
    return missed > 0 ? { subject, missed } : undefined;
  }
}
