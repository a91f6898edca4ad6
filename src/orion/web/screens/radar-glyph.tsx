import type { Identity, TargetStatus } from "#orion/radar-view/scene.ts";

interface GlyphProps {
  readonly identity: Identity;
  readonly status?: TargetStatus;
  readonly isShortRange?: boolean;
  readonly isAged?: boolean;
  readonly isCalling?: boolean;
}

/** The symbol of a track as the plan draws it, for tables and legends. */
export function TrackGlyph({ identity, status = "TRACKED", isShortRange = false, isAged = false, isCalling = false }: GlyphProps) {
  const classes = ["glyph", isAged ? "UNSPECIFIED" : identity, status, isCalling ? "calling" : "", isAged ? "aged" : ""];
  return (
    <svg class={classes.join(" ")} viewBox="-9 -9 18 18" width="16" height="16" aria-hidden="true">
      {status === "LOST" ? <path d="M-6 -6 L6 6 M6 -6 L-6 6" /> : <Outline identity={identity} />}
      {isAged ? <path class="hatching" d="M-5 1 L1 -5 M-5 5 L5 -5 M-1 5 L5 -1" /> : null}
      {isShortRange && !isAged && status !== "LOST" ? <circle class="dot" r="1.75" /> : null}
    </svg>
  );
}

function Outline({ identity }: { identity: Identity }) {
  switch (identity) {
    case "FRIEND":
      return <circle r="6" />;
    case "FOE":
      return <path d="M0 -7.5 L7.5 0 L0 7.5 L-7.5 0 Z" />;
    case "UNKNOWN":
      return <rect x="-5.5" y="-5.5" width="11" height="11" />;
    default:
      return <circle r="3.5" />;
  }
}
