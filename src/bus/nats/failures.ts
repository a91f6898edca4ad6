import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { QikiError } from "#base/error.ts";
import { closedError, noRespondersError, streamUnknown, timeoutError } from "../failures.ts";

export const SUBJECTS_OVERLAP = 10_065;
export const WRONG_LAST_SEQUENCE = JetStreamApiCodes.StreamWrongLastSequence;

/** What the client's error means in the bus's words; `what` is the subject or stream asked, `timeoutMs` the time it had. */
export function busFailure(error: unknown, what: string, timeoutMs: number): QikiError {
  if (error instanceof QikiError) return error;
  if (isMissing(error, "stream")) return streamUnknown(what, error);
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof errors.NoRespondersError) return noRespondersError(what, error);
    if (cause instanceof errors.TimeoutError) return timeoutError(what, timeoutMs, error);
    if (cause instanceof errors.ClosedConnectionError || cause instanceof errors.DrainingConnectionError) return closedError(error);
  }
  return new QikiError("internal", `${what}: ${error instanceof Error ? error.message : String(error)}`, error);
}

/** Why a server cannot be used, by what the client says. */
export function connectFailure(servers: string, error: unknown): QikiError {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError) {
      return new QikiError(
        "auth_failed",
        `${servers}: the server refuses the credentials; check NATS_TOKEN, NATS_USER or NATS_CREDS`,
        error,
      );
    }
  }
  const why = error instanceof Error ? error.message : String(error);
  return new QikiError("not_reachable", `${servers}: no connection (${why}); is nats-server running with JetStream?`, error);
}

/** Asked while there is no connection. */
export function notConnected(servers: string, last: Error | undefined): QikiError {
  if (last instanceof QikiError) return last;
  return new QikiError("not_reachable", `${servers}: no connection now; it is tried again every second`, last);
}

export function apiErrorCode(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** Whether the server says that there is no such stream or consumer. */
export function isMissing(error: unknown, kind: "stream" | "consumer"): boolean {
  return apiErrorCode(error) === (kind === "stream" ? JetStreamApiCodes.StreamNotFound : JetStreamApiCodes.ConsumerNotFound);
}
