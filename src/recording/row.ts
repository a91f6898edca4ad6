import { QikiError } from "#base/error.ts";
import type { LineHead } from "./line.ts";

/** One row of a recording, where it lies, and what it says. */
export class RecordingRow {
  readonly path: string;
  /** 1-based number of its line in the file. */
  readonly line: number;
  /** Byte at which it starts in the file. */
  readonly offset: number;
  /** With its line end. */
  readonly byteLength: number;
  readonly head: LineHead;
  /** JSON text of the payload as it stands in the file. */
  readonly dataJson: string;
  /** The whole line as it stands there, without its end. */
  readonly text: string;
  private parsed: { readonly value: unknown } | { readonly problem: string } | undefined;

  constructor(path: string, line: number, offset: number, byteLength: number, head: LineHead, dataJson: string, text: string) {
    this.path = path;
    this.line = line;
    this.offset = offset;
    this.byteLength = byteLength;
    this.head = head;
    this.dataJson = dataJson;
    this.text = text;
  }

  /** The payload, parsed once. @throws QikiError recording_damaged */
  get data(): unknown {
    const parsed = this.parse();
    if ("value" in parsed) return parsed.value;
    throw new QikiError("recording_damaged", `${this.path} line ${this.line}: the payload is broken: ${parsed.problem}`);
  }

  /** Why the payload is no JSON, or undefined when it is. */
  dataProblem(): string | undefined {
    const parsed = this.parse();
    return "problem" in parsed ? parsed.problem : undefined;
  }

  private parse(): { readonly value: unknown } | { readonly problem: string } {
    if (this.parsed === undefined) {
      try {
        this.parsed = { value: JSON.parse(this.dataJson) };
      } catch (error) {
        this.parsed = { problem: (error as Error).message };
      }
    }
    return this.parsed;
  }
}
