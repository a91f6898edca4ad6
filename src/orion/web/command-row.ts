/** One command as the gateway tells it. */
export interface CommandRow {
  readonly request_id: string;
  readonly command_name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly sender: string;
  readonly role: string;
  readonly reason?: string;
  readonly incident_key?: string;
  readonly stage: "SENT" | "APPLIED" | "REJECTED" | "EFFECT_CONFIRMED" | "EFFECT_MISSING" | "TIMEOUT" | "NOT_SENT";
  readonly has_effect: boolean;
  readonly sent_wall: string;
  readonly answered_ms?: number;
  readonly settled_ms?: number;
  readonly tick?: number;
  readonly code?: string;
  readonly detail?: string;
  readonly late?: true;
  readonly effect?: { readonly explain?: readonly { readonly reason: string; readonly load?: string }[]; readonly reason?: string };
}
