import type { CommandRow } from "#contracts/command-row.ts";
import type { Clock } from "../clock.ts";
import type { Hub } from "./hub.ts";

type Payload = Readonly<Record<string, unknown>>;

interface Entry {
  row: CommandRow;
  /** What makes two requests the same command. */
  readonly digest: string;
  readonly sentMs: number;
  readonly cancelWait: () => void;
  readonly waiting: (() => void)[];
  /** An effect that came before the answer: they travel on subjects of their own. */
  effect: Payload | undefined;
}

/** The commands of this gateway's consoles and the stage each has reached (console §3.4). */
export interface CommandRows {
  get(requestId: string): { readonly row: CommandRow; readonly digest: string; readonly sentMs: number } | undefined;
  /** Puts a new row, or a retry's, in front and begins to wait for the answer. */
  sent(row: CommandRow, digest: string): void;
  notSent(requestId: string): void;
  ack(payload: Payload): void;
  effect(payload: Payload): void;
  /** The row once it is no longer SENT, at most after `timeoutMs`; undefined when there is none. */
  settled(requestId: string, timeoutMs: number): Promise<CommandRow | undefined>;
  /** Newest first. */
  list(): readonly CommandRow[];
}

const ACK_WAIT_MS = 2000;
const ROWS_MAX = 500;

export function createCommandRows(clock: Clock, hub: Hub): CommandRows {
  const entries = new Map<string, Entry>();

  function update(entry: Entry, change: Partial<CommandRow>): void {
    entry.row = { ...entry.row, ...change };
    hub.set("commands", entry.row.request_id, entry.row);
    if (entry.row.stage !== "SENT") for (const wake of entry.waiting.splice(0)) wake();
  }

  function settleEffect(entry: Entry, effect: Payload): void {
    const stage = effect.ok === true ? "EFFECT_CONFIRMED" : "EFFECT_MISSING";
    update(entry, { stage, settled_ms: Math.round(clock.monotonicMs() - entry.sentMs), effect });
  }

  function forgetOld(): void {
    for (const [requestId, entry] of entries) {
      if (entries.size <= ROWS_MAX) return;
      entry.cancelWait();
      entries.delete(requestId);
      hub.delete("commands", requestId);
    }
  }

  return {
    get: (requestId) => entries.get(requestId),
    sent(row, digest) {
      const { request_id: requestId } = row;
      const known = entries.get(requestId);
      known?.cancelWait();
      entries.delete(requestId);
      const cancelWait = clock.after(ACK_WAIT_MS, () => {
        if (entry.row.stage === "SENT")
          update(entry, { stage: "TIMEOUT", detail: "no answer in 2.0 s: it is unknown whether it was applied" });
      });
      const entry: Entry = { row, digest, sentMs: clock.monotonicMs(), cancelWait, waiting: [], effect: known?.effect };
      entries.set(requestId, entry);
      hub.set("commands", requestId, row);
      forgetOld();
    },
    notSent(requestId) {
      const entry = entries.get(requestId);
      if (entry === undefined) return;
      entry.cancelWait();
      update(entry, { stage: "NOT_SENT", detail: "the bus is not connected: the command was not sent" });
    },
    ack(payload) {
      const entry = entries.get(payload.request_id as string);
      if (entry === undefined || (entry.row.stage !== "SENT" && entry.row.stage !== "TIMEOUT")) return;
      entry.cancelWait();
      const error = payload.error_detail as { readonly code: string; readonly message: string; readonly details: unknown } | undefined;
      const isLate = entry.row.stage === "TIMEOUT";
      // What was said of the wait no longer holds.
      const { detail: _waitDetail, ...row } = entry.row;
      entry.row = row;
      update(entry, {
        stage: payload.ok === true ? "APPLIED" : "REJECTED",
        answered_ms: Math.round(clock.monotonicMs() - entry.sentMs),
        run_id: payload.run_id as string,
        tick: payload.tick as number,
        order: payload.order as number,
        ...(isLate ? { late: true as const } : {}),
        ...(error === undefined ? {} : { code: error.code, detail: error.message, details: error.details }),
      });
      if (payload.ok === true && entry.effect !== undefined) settleEffect(entry, entry.effect);
    },
    effect(payload) {
      const entry = entries.get(payload.request_id as string);
      if (entry === undefined) return;
      const { stage } = entry.row;
      if (stage === "SENT" || stage === "TIMEOUT") entry.effect = payload;
      else if (stage === "APPLIED") settleEffect(entry, payload);
      else if (stage === "EFFECT_MISSING" && payload.ok === true) update(entry, { late_effect: payload });
    },
    settled(requestId, timeoutMs) {
      const entry = entries.get(requestId);
      if (entry?.row.stage !== "SENT") return Promise.resolve(entry?.row);
      return new Promise((done) => {
        const cancel = clock.after(timeoutMs, () => done(entry.row));
        entry.waiting.push(() => {
          cancel();
          done(entry.row);
        });
      });
    },
    list: () => [...entries.values()].map(({ row }) => row).reverse(),
  };
}
