import { QikiError } from "#base/error.ts";

const SUBJECT = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const PATTERN = /^(?:>|(?:[A-Za-z0-9_-]+|\*)(?:\.(?:[A-Za-z0-9_-]+|\*))*(?:\.>)?)$/;
const KEY = /^[-/_=A-Za-z0-9]+(?:\.[-/_=A-Za-z0-9]+)*$/;
const LENGTH_MAX = 255;

/** Inboxes of requests; no prefix is put before them, so an answer reaches a client whatever its prefix. */
export const INBOX_PREFIX = "_INBOX.";

/** @throws QikiError bad_subject */
export function checkSubject(subject: string): void {
  if (subject.length <= LENGTH_MAX && SUBJECT.test(subject)) return;
  throw new QikiError("bad_subject", `subject ${quote(subject)}: tokens of A-Z a-z 0-9 _ - joined by points, at most ${LENGTH_MAX} bytes`);
}

/** @throws QikiError bad_subject */
export function checkPattern(pattern: string): void {
  if (pattern.length <= LENGTH_MAX && PATTERN.test(pattern)) return;
  throw new QikiError(
    "bad_subject",
    `pattern ${quote(pattern)}: tokens of A-Z a-z 0-9 _ - or * joined by points, > only at the end, at most ${LENGTH_MAX} bytes`,
  );
}

/** @throws QikiError bad_subject */
export function checkKey(key: string): void {
  if (key.length <= LENGTH_MAX && KEY.test(key)) return;
  throw new QikiError("bad_subject", `key ${quote(key)}: letters of A-Z a-z 0-9 - / _ = with single points between, at most ${LENGTH_MAX}`);
}

/** Whether the pattern `wide` takes `narrow`, a subject or all of a pattern: `*` is one token, `>` one or more at the end. */
export function covers(wide: string, narrow: string): boolean {
  if (wide === narrow) return true;
  const wideTokens = wide.split(".");
  const narrowTokens = narrow.split(".");
  for (let at = 0; at < wideTokens.length; at += 1) {
    const token = wideTokens[at]!;
    const other = narrowTokens[at];
    if (other === undefined) return false;
    if (token === ">") return true;
    if (other === ">" || (token !== "*" && token !== other)) return false;
  }
  return wideTokens.length === narrowTokens.length;
}

/** Whether some subject is taken by both patterns. */
export function overlap(one: string, other: string): boolean {
  const oneTokens = one.split(".");
  const otherTokens = other.split(".");
  for (let at = 0; ; at += 1) {
    const a = oneTokens[at];
    const b = otherTokens[at];
    if (a === undefined || b === undefined) return a === b;
    if (a === ">" || b === ">") return true;
    if (a !== b && a !== "*" && b !== "*") return false;
  }
}

/** A test against one pattern that remembers its answers: the subjects of a bus are few. */
export function subjectFilter(pattern: string): (subject: string) => boolean {
  const answers = new Map<string, boolean>();
  return (subject) => {
    const known = answers.get(subject);
    if (known !== undefined) return known;
    if (answers.size >= 10_000) answers.clear();
    const answer = covers(pattern, subject);
    answers.set(subject, answer);
    return answer;
  };
}

function quote(text: string): string {
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 80)}…`);
}
