/** How far a command has come, as far as is known (console §3.4). */
export type Stage = "SENT" | "APPLIED" | "REJECTED" | "EFFECT_CONFIRMED" | "EFFECT_MISSING" | "TIMEOUT" | "NOT_SENT";

/** What the effect's audit record tells a console. */
export interface CommandEffect {
  readonly effect?: string;
  readonly reason?: string;
  /** Values at the watched paths when it was settled. */
  readonly observed?: Readonly<Record<string, unknown>>;
  /** Reasons in force that kept it from happening. */
  readonly explain?: readonly { readonly reason: string; readonly load?: string }[];
}

/** One command as every console sees it, from sending to effect. */
export interface CommandRow {
  readonly request_id: string;
  readonly command_name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly sender: string;
  readonly role: string;
  readonly reason?: string;
  readonly incident_key?: string;
  readonly stage: Stage;
  /** Whether the catalogue has an effect to check: without one APPLIED is the end. */
  readonly has_effect: boolean;
  readonly sent_wall: string;
  readonly answered_ms?: number;
  readonly settled_ms?: number;
  readonly run_id?: string;
  readonly tick?: number;
  readonly order?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly details?: unknown;
  /** The answer came after the wait had ended. */
  readonly late?: true;
  readonly effect?: CommandEffect;
  /** The effect was seen after its deadline; the stage stays EFFECT_MISSING. */
  readonly late_effect?: CommandEffect;
}
