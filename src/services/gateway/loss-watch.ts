import { RUN_HEADER, SEQ_HEADER } from "#contracts/message.ts";

/** Counts messages that were published and never came (console §2.3). */
export interface LossWatch {
  readonly lost: number;
  /** Takes the headers of a message. @returns whether its publisher numbers its messages */
  note(subject: string, headers: Readonly<Record<string, string>>): boolean;
  /** Takes telemetry whose publisher does not number it: what is missing shows in the ticks. */
  noteTelemetry(telemetry: TelemetryMoment, periodTicks: number | undefined): void;
}

/** Where the simulation stood when it was reported. */
export interface TelemetryMoment {
  readonly run: string | undefined;
  readonly tick: number;
  readonly isRunning: boolean;
}

const PUBLISHER_HEADER = "ce_source";

export function createLossWatch(): LossWatch {
  /** Last number of every publisher on every subject. */
  const seqs = new Map<string, { readonly run: string | undefined; readonly seq: number }>();
  /** Last number on every subject, whoever published it. */
  const subjectSeqs = new Map<string, number>();
  let moment: TelemetryMoment | undefined;
  let lost = 0;

  return {
    get lost() {
      return lost;
    },
    note(subject, headers) {
      const text = headers[SEQ_HEADER];
      if (text === undefined || !/^\d{1,15}$/.test(text)) return false;
      const seq = Number(text);
      const run = headers[RUN_HEADER];
      const stream = `${subject} ${headers[PUBLISHER_HEADER] ?? ""}`;
      const last = seqs.get(stream);
      // A lower number is a publisher that started anew; the bus keeps each one's order.
      const missed = last?.run === run && last !== undefined ? Math.max(0, seq - last.seq - 1) : 0;
      // Roles in one process are numbered together: what one of them skips, another one used.
      const subjectSeq = subjectSeqs.get(subject);
      const isTogether = subjectSeq !== undefined && seq > subjectSeq;
      lost += isTogether ? Math.min(missed, seq - subjectSeq - 1) : missed;
      seqs.set(stream, { run, seq });
      subjectSeqs.set(subject, seq);
      return true;
    },
    noteTelemetry(next, periodTicks) {
      const last = moment;
      moment = next;
      if (last === undefined || periodTicks === undefined || last.run !== next.run || !last.isRunning || !next.isRunning) return;
      lost += Math.max(0, Math.floor((next.tick - last.tick) / periodTicks) - 1);
    },
  };
}
