import { covers } from "../subject.ts";

/** How far one stream should have grown since the last barrier. */
interface Expectation {
  readonly stream: string;
  readonly subjects: readonly string[];
  /** Last sequence at the last barrier. */
  baseSeq: number;
  published: number;
}

/** Counts what this connection publishes into the streams it ensured, to be compared with what the streams have. */
export class GrowthBook {
  private readonly expectations = new Map<string, Expectation>();
  private readonly streamOf = new Map<string, Expectation | undefined>();

  /** A stream as it is now; what was published before is taken as stored. */
  watch(stream: string, subjects: readonly string[], lastSeq: number): void {
    const published = this.expectations.get(stream)?.published ?? 0;
    const baseSeq = this.expectations.get(stream)?.baseSeq ?? lastSeq;
    this.expectations.set(stream, { stream, subjects, baseSeq, published });
    this.streamOf.clear();
  }

  notePublished(subject: string): void {
    let expectation = this.streamOf.get(subject);
    if (expectation === undefined && !this.streamOf.has(subject)) {
      expectation = [...this.expectations.values()].find(({ subjects }) => subjects.some((pattern) => covers(pattern, subject)));
      if (this.streamOf.size >= 4_096) this.streamOf.clear();
      this.streamOf.set(subject, expectation);
    }
    if (expectation !== undefined) expectation.published += 1;
  }

  /** Streams with something to verify: where they were and how many messages they should have gained. */
  due(): readonly Readonly<Expectation>[] {
    return [...this.expectations.values()].filter(({ published }) => published > 0).map((expectation) => ({ ...expectation }));
  }

  /** Notes a verified stream; what was published meanwhile waits for the next barrier. */
  settle(stream: string, published: number, lastSeq: number): void {
    const expectation = this.expectations.get(stream)!;
    expectation.published -= published;
    expectation.baseSeq = lastSeq;
  }
}
