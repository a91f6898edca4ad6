const ARRIVED = 0;
const ROUND = 1;
/** Looks before a thread lays itself down to sleep: the others are seldom far behind. */
const SPINS = 20_000;

/** Where threads wait for each other, over shared memory. */
export class Barrier {
  readonly #cells: Int32Array;
  readonly #threads: number;

  constructor(memory: SharedArrayBuffer, threads = 2) {
    this.#cells = new Int32Array(memory);
    this.#threads = threads;
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(8);
  }

  /** Returns when every thread has called it. */
  wait(): void {
    const cells = this.#cells;
    const round = Atomics.load(cells, ROUND);
    if (Atomics.add(cells, ARRIVED, 1) + 1 === this.#threads) {
      Atomics.store(cells, ARRIVED, 0);
      Atomics.add(cells, ROUND, 1);
      Atomics.notify(cells, ROUND);
      return;
    }
    for (let spin = 0; spin < SPINS; spin += 1) if (Atomics.load(cells, ROUND) !== round) return;
    while (Atomics.load(cells, ROUND) === round) Atomics.wait(cells, ROUND, round);
  }
}
