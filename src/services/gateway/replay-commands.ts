import type { Ack } from "#contracts/ack.ts";
import { decodeCommand } from "#contracts/command.ts";
import { commandSpec } from "#contracts/command-catalogue.ts";
import type { CommandEffect, CommandRow } from "#contracts/command-row.ts";
import { payloadBytes } from "#recording/line.ts";
import type { RecordingRow } from "#recording/row.ts";
import type { CommandDesk } from "./command-desk.ts";
import type { Hub } from "./hub.ts";

type Sent = Pick<CommandRow, "parameters" | "sender" | "role">;

/** Rows of the commands that a recording holds, made of what was sent, answered and seen. */
export interface ReplayCommands extends Pick<CommandDesk, "ack" | "effect"> {
  /** Takes the row of a command. */
  sent(row: RecordingRow): void;
  forget(): void;
}

export function replayCommands(hub: Hub): ReplayCommands {
  const sent = new Map<string, Sent>();
  /** Effects that came before their answers: they travel on subjects of their own. */
  const early = new Map<string, Readonly<Record<string, unknown>>>();

  function rowOf(requestId: unknown): CommandRow | undefined {
    return typeof requestId === "string" ? (hub.get("commands", requestId)?.value as CommandRow | undefined) : undefined;
  }

  function settle(row: CommandRow, effect: Readonly<Record<string, unknown>>): void {
    const stage = effect.ok === true ? "EFFECT_CONFIRMED" : "EFFECT_MISSING";
    hub.set("commands", row.request_id, { ...row, stage, effect: effect as CommandEffect });
  }

  return {
    sent(row) {
      const decoded = decodeCommand(payloadBytes(row.dataJson));
      if (decoded.kind !== "command") return;
      const { parameters, metadata, requestId } = decoded.command;
      const sender = metadata.actor?.id ?? metadata.source ?? "";
      if (requestId !== null) sent.set(requestId, { parameters, sender, role: metadata.actor?.role ?? "" });
    },
    ack(payload) {
      const {
        request_id: id,
        kind,
        ok,
        ts_ingest: answeredAt,
        timestamp,
        run_id,
        tick,
        order,
        error_detail: error,
      } = payload as unknown as Ack;
      if (id === null || rowOf(id) !== undefined) return;
      const row: CommandRow = {
        request_id: id,
        command_name: kind,
        ...(sent.get(id) ?? { parameters: {}, sender: "", role: "" }),
        stage: ok ? "APPLIED" : "REJECTED",
        has_effect: commandSpec(kind)?.effect !== undefined,
        sent_wall: answeredAt ?? timestamp,
        run_id,
        tick,
        order,
        ...(error === undefined ? {} : { code: error.code, detail: error.message, details: error.details }),
      };
      hub.set("commands", id, row);
      const effect = early.get(id);
      if (effect !== undefined) settle(row, effect);
    },
    effect(payload) {
      const row = rowOf(payload.request_id);
      if (row !== undefined) settle(row, payload);
      else if (typeof payload.request_id === "string") early.set(payload.request_id, payload);
    },
    forget() {
      sent.clear();
      early.clear();
    },
  };
}
