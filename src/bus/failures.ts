import { QikiError } from "#base/error.ts";

// The sentences of the bus's refusals, the same whichever adapter carries the messages.

export function closedError(cause?: unknown): QikiError {
  return new QikiError("closed", "the bus is closed: connect anew", cause);
}

export function timeoutError(what: string, timeoutMs: number, cause?: unknown): QikiError {
  return new QikiError("timeout", `${what}: no answer within ${timeoutMs} ms`, cause);
}

export function noRespondersError(subject: string, cause?: unknown): QikiError {
  return new QikiError("no_responders", `${subject}: nobody answers; is the service that owns it running?`, cause);
}

export function noStreamError(subject: string, cause?: unknown): QikiError {
  return new QikiError("no_responders", `${subject}: no stream captures it; ensure the streams first`, cause);
}

export function streamUnknown(stream: string, cause?: unknown): QikiError {
  return new QikiError("stream_unknown", `stream ${stream} does not exist; ensure it, or run 'qiki bus init'`, cause);
}

export function subjectTaken(stream: string, other: string, cause?: unknown): QikiError {
  return new QikiError("config_invalid", `stream ${stream}: ${other}; a subject belongs to one stream`, cause);
}

export function revisionMismatch(bucket: string, key: string, ifRevision: number, cause?: unknown): QikiError {
  const fact = ifRevision === 0 ? "exists already" : `is not at revision ${ifRevision} any more`;
  return new QikiError("revision_mismatch", `${bucket}: key ${key} ${fact}; read it again and decide anew`, cause);
}
