export type Status = "critical" | "serious" | "caution" | "normal" | "standby" | "off";

/** Severity letters of incidents as statuses. */
export const SEVERITY_STATUS: Readonly<Record<string, Status>> = { A: "critical", C: "serious", W: "caution", I: "standby" };

/** A status as shape and colour together, 12 × 12; hollow for what is acknowledged. */
export function StatusSymbol({ status, hollow = false, blinks = false }: { status: Status; hollow?: boolean; blinks?: boolean }) {
  return (
    <svg
      class={`symbol ${status} ${hollow ? "hollow" : ""} ${blinks ? "blinks" : ""}`}
      viewBox="0 0 12 12"
      width="12"
      height="12"
      aria-hidden="true"
    >
      <Shape status={status} />
    </svg>
  );
}

function Shape({ status }: { status: Status }) {
  switch (status) {
    case "critical":
      return <path d="M1 1.5 H11 L6 11 Z" />;
    case "serious":
      return <path d="M6 0.8 L11.2 6 L6 11.2 L0.8 6 Z" />;
    case "caution":
      return <rect x="1.5" y="1.5" width="9" height="9" />;
    case "normal":
      return <circle cx="6" cy="6" r="4" />;
    case "standby":
      return <circle class="ring" cx="6" cy="6" r="4" />;
    default:
      return <circle cx="6" cy="6" r="3" />;
  }
}
