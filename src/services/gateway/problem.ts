/** Error answers of the API (RFC 9457), with the status each code has. */
export const PROBLEM_STATUS = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  bad_origin: 403,
  not_found: 404,
  stale_occurrence: 409,
  condition_still_true: 409,
  request_id_reused: 409,
  rules_changed: 409,
  arm_mismatch: 409,
  arm_expired: 410,
  payload_too_large: 413,
  unsupported_media_type: 415,
  bad_host: 421,
  unknown_command: 422,
  invalid_parameter: 422,
  invalid_mode: 422,
  arm_required: 428,
  confirm_required: 428,
  rate_limited: 429,
  internal: 500,
  bus_unavailable: 503,
  not_published: 503,
} as const;

export type ProblemCode = keyof typeof PROBLEM_STATUS;

/** Thrown inside a route; the server turns it into `application/problem+json`. */
export class Problem extends Error {
  override name = "Problem";
  readonly code: ProblemCode;
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail: string, extra: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return PROBLEM_STATUS[this.code];
  }

  body(): Record<string, unknown> {
    return {
      type: `urn:qiki:error:${this.code}`,
      title: this.code.replaceAll("_", " "),
      status: this.status,
      code: this.code,
      detail: this.message,
      ...this.extra,
    };
  }
}
