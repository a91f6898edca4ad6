/**
 * Every code of an operating error, with the exit code of the command line it leads to
 * (1 negative verdict, 2 usage or configuration, 3 not possible, 4 damaged input, 5 resource busy, 6 internal fault).
 * A code is never reused for another meaning; a test pins this list.
 */
export const ERROR_EXIT_CODES = {
  usage: 2,
  config_invalid: 2,
  profile_invalid: 2,
  scenario_invalid: 2,
  rules_invalid: 2,
  tokens_invalid: 2,
  file_unreadable: 2,
  file_exists: 2,
  folder_unwritable: 2,
  store_newer: 2,
  auth_config: 2,
  snapshot_refused: 2,
  not_reachable: 3,
  not_verifiable: 3,
  bad_subject: 2,
  payload_too_large: 2,
  no_responders: 3,
  timeout: 3,
  closed: 3,
  auth_failed: 3,
  stream_unknown: 2,
  revision_mismatch: 1,
  recording_damaged: 4,
  store_damaged: 4,
  backup_damaged: 4,
  port_in_use: 5,
  data_folder_in_use: 5,
  store_in_use: 5,
  audit_unavailable: 6,
  disk: 6,
  internal: 6,
} as const;

export type ErrorCode = keyof typeof ERROR_EXIT_CODES;

/** An operating error: socket, disk, bad file, bad configuration. Its message names place, value, limit and the next step. */
export class QikiError extends Error {
  override name = "QikiError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  get exitCode(): number {
    return ERROR_EXIT_CODES[this.code];
  }
}
