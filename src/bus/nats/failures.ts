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

export function apiErrorCode(error: unknown): number | undefined {
  return error instanceof JetStreamApiError ? error.code : undefined;
}

/** Whether the server says that there is no such stream or consumer. */
export function isMissing(error: unknown, kind: "stream" | "consumer"): boolean {
  return apiErrorCode(error) === (kind === "stream" ? JetStreamApiCodes.StreamNotFound : JetStreamApiCodes.ConsumerNotFound);
}
