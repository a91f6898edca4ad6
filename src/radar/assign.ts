/**
 * Columns that rows take at the least total cost: shortest augmenting paths with potentials (Jonker and Volgenant, Computing 38,
 * 1987). Rows come in order, columns are scanned upwards, both comparisons are strict, so that the lowest index wins a tie.
 * `cost` is row-major, `rows` ≤ `columns`; every row gets a column.
 */
export function assignRows(cost: Float64Array, rows: number, columns: number): Int32Array {
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(columns + 1);
  // Row that holds each column, 0 for none; rows and columns count from 1, column 0 is the start of each path.
  const holder = new Int32Array(columns + 1);
  const way = new Int32Array(columns + 1);
  const least = new Float64Array(columns + 1);
  const used = new Uint8Array(columns + 1);
  for (let row = 1; row <= rows; row += 1) {
    holder[0] = row;
    let column = 0;
    least.fill(Number.POSITIVE_INFINITY);
    used.fill(0);
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
    do {
      const before = way[column]!;
      holder[column] = holder[before]!;
      column = before;
    } while (column !== 0);
  }
  const taken = new Int32Array(rows);
  for (let j = 1; j <= columns; j += 1) if (holder[j]! > 0) taken[holder[j]! - 1] = j - 1;
  return taken;
}
