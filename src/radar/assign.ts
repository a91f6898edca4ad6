/**
 * Columns that rows take at the least total cost: shortest augmenting paths with potentials (Jonker and Volgenant, Computing 38,
 * 1987). Rows come in order, columns are scanned upwards, both comparisons are strict, so that the lowest index wins a tie.
 * A solver keeps its working memory: many small problems are solved in every scan.
 */
export class AssignmentSolver {
  #size = 0;
  #rowPotential = new Float64Array(0);
  #columnPotential = new Float64Array(0);
  /** Row that holds each column, 0 for none; rows and columns count from 1, column 0 is the start of each path. */
  #holder = new Int32Array(0);
  #way = new Int32Array(0);
  #least = new Float64Array(0);
  #used = new Uint8Array(0);
  #taken = new Int32Array(0);

  /** `cost` is row-major, `rows` ≤ `columns`. The column of each row; valid until the next call. */
  solve(cost: Float64Array, rows: number, columns: number): Int32Array {
    this.#reserve(columns + 1);
    this.#rowPotential.fill(0, 0, rows + 1);
    this.#columnPotential.fill(0, 0, columns + 1);
    this.#holder.fill(0, 0, columns + 1);
    for (let row = 1; row <= rows; row += 1) this.#augment(cost, row, columns);
    const taken = this.#taken;
    for (let column = 1; column <= columns; column += 1) {
      const row = this.#holder[column]!;
      if (row > 0) taken[row - 1] = column - 1;
    }
    return taken;
  }

  /** Gives one more row a column, moving others along the cheapest path. */
  #augment(cost: Float64Array, row: number, columns: number): void {
    const holder = this.#holder;
    const way = this.#way;
    const least = this.#least;
    const used = this.#used;
    const rowPotential = this.#rowPotential;
    const columnPotential = this.#columnPotential;
    holder[0] = row;
    least.fill(Number.POSITIVE_INFINITY, 0, columns + 1);
    used.fill(0, 0, columns + 1);
    let column = 0;
    do {
      used[column] = 1;
      const from = holder[column]!;
      let delta = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let j = 1; j <= columns; j += 1) {
        if (used[j] === 1) continue;
        const reduced = cost[(from - 1) * columns + j - 1]! - rowPotential[from]! - columnPotential[j]!;
        if (reduced < least[j]!) {
          least[j] = reduced;
          way[j] = column;
        }
        if (least[j]! < delta) {
          delta = least[j]!;
          next = j;
        }
      }
      for (let j = 0; j <= columns; j += 1) {
        if (used[j] === 1) {
          rowPotential[holder[j]!] = rowPotential[holder[j]!]! + delta;
          columnPotential[j] = columnPotential[j]! - delta;
        } else least[j] = least[j]! - delta;
      }
      column = next;
    } while (holder[column] !== 0);
    while (column !== 0) {
      const before = way[column]!;
      holder[column] = holder[before]!;
      column = before;
    }
  }

  #reserve(size: number): void {
    if (size <= this.#size) return;
    this.#size = size * 2;
    this.#rowPotential = new Float64Array(this.#size);
    this.#columnPotential = new Float64Array(this.#size);
    this.#holder = new Int32Array(this.#size);
    this.#way = new Int32Array(this.#size);
    this.#least = new Float64Array(this.#size);
    this.#used = new Uint8Array(this.#size);
    this.#taken = new Int32Array(this.#size);
  }
}
