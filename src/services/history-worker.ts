import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import {
  type HistoryReader,
  openHistoryReader,
  type SeriesAnswer,
  type SeriesQuestion,
  type TimelineMark,
  type TimelineQuestion,
} from "#store/history-reader.ts";

interface Job {
  readonly historyPath: string;
}

type Asked = { readonly id: number } & (
  | { readonly kind: "series"; readonly question: SeriesQuestion }
  | { readonly kind: "timeline"; readonly question: TimelineQuestion }
);
type Answered = { readonly id: number } & ({ readonly answer: unknown } | { readonly problem: string });

/** Reads a history in a thread of its own: a day of telemetry takes a while, and nothing may make the simulation wait. */
export interface HistoryDesk {
  series(question: SeriesQuestion): Promise<SeriesAnswer | { readonly unknown: "run" | "path" }>;
  timeline(question: TimelineQuestion): Promise<{ readonly items: readonly TimelineMark[]; readonly next?: number }>;
  close(): Promise<void>;
}

export function openHistoryDesk(historyPath: string): HistoryDesk {
  const worker = new Worker(new URL(import.meta.url), { workerData: { historyPath } satisfies Job });
  const waiting = new Map<number, { done(answer: unknown): void; fail(error: Error): void }>();
  let asked = 0;
  let failure: Error | undefined;
  const failAll = (error: Error): void => {
    failure = error;
    for (const { fail } of waiting.values()) fail(error);
    waiting.clear();
  };
  worker.on("message", (message: Answered) => {
    const one = waiting.get(message.id);
    waiting.delete(message.id);
    if ("problem" in message) one?.fail(new Error(message.problem));
    else one?.done(message.answer);
  });
  worker.on("error", failAll);
  worker.on("exit", (code) => failAll(new Error(`the reader of ${historyPath} has ended with exit code ${code}`)));
  worker.unref();

  function ask<Answer>(kind: Asked["kind"], question: SeriesQuestion | TimelineQuestion): Promise<Answer> {
    if (failure !== undefined) return Promise.reject(failure);
    asked += 1;
    const id = asked;
    return new Promise<Answer>((done, fail) => {
      waiting.set(id, { done: (answer) => done(answer as Answer), fail });
      worker.postMessage({ id, kind, question });
    });
  }

  return {
    series: (question) => ask("series", question),
    timeline: (question) => ask("timeline", question),
    async close() {
      await worker.terminate();
    },
  };
}

function serve({ historyPath }: Job): void {
  let reader: HistoryReader | undefined;
  parentPort?.on("message", (asked: Asked) => {
    try {
      reader ??= openHistoryReader(historyPath);
      const answer = asked.kind === "series" ? reader.series(asked.question) : reader.timeline(asked.question);
      parentPort?.postMessage({ id: asked.id, answer } satisfies Answered);
    } catch (error) {
      parentPort?.postMessage({ id: asked.id, problem: (error as Error).message } satisfies Answered);
    }
  });
}

if (!isMainThread && isJob(workerData)) serve(workerData);

function isJob(value: unknown): value is Job {
  return typeof value === "object" && value !== null && "historyPath" in value;
}
