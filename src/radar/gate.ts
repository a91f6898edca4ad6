import { PLOT_STRIDE } from "./convert.ts";
import type { Plots } from "./plots.ts";

/** Cells per plot are bounded so that one far plot does not make the grid large. */
const CELLS_PER_PLOT = 2;

/** A uniform grid over the horizontal places of a frame's plots: finds the plots in a box, exactly those. */
export class PlotGrid {
  #x0 = 0;
  #y0 = 0;
  #perX = 0;
  #perY = 0;
  #nx = 1;
  #ny = 1;
  #starts = new Int32Array(2);
  #items = new Int32Array(0);
  #cells = new Int32Array(0);
  /** x, y, z of the plots in the order of `#items`, so that a cell is read in one go. */
  #places = new Float64Array(0);
  #count = 0;

  build(plots: Plots): void {
    const { count, rows } = plots;
    this.#count = count;
    let [x0, x1, y0, y1] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let plot = 0, at = 0; plot < count; plot += 1, at += PLOT_STRIDE) {
      const x = rows[at]!;
      const y = rows[at + 1]!;
      if (x < x0) x0 = x;
      if (x > x1) x1 = x;
      if (y < y0) y0 = y;
      if (y > y1) y1 = y;
    }
    const [width, height] = [x1 - x0, y1 - y0];
    const side = Math.max(Math.sqrt((width * height) / (CELLS_PER_PLOT * count)), Math.max(width, height) / (CELLS_PER_PLOT * count));
    this.#nx = count === 0 || side === 0 ? 1 : Math.max(1, Math.min(CELLS_PER_PLOT * count, Math.ceil(width / side)));
    this.#ny = count === 0 || side === 0 ? 1 : Math.max(1, Math.min(CELLS_PER_PLOT * count, Math.ceil(height / side)));
    this.#x0 = x0;
    this.#y0 = y0;
    this.#perX = width === 0 ? 0 : this.#nx / width;
    this.#perY = height === 0 ? 0 : this.#ny / height;
    this.#fill(plots);
  }

  /** Writes the plots within the half widths of a place into `found` and returns their number. */
  search(x: number, y: number, z: number, halfX: number, halfY: number, halfZ: number, found: Int32Array): number {
    if (this.#count === 0) return 0;
    const places = this.#places;
    const starts = this.#starts;
    const items = this.#items;
    const nx = this.#nx;
    const fromX = this.#column(x - halfX);
    const toX = this.#column(x + halfX);
    const toY = this.#row(y + halfY);
    let count = 0;
    for (let cy = this.#row(y - halfY); cy <= toY; cy += 1) {
      const end = starts[cy * nx + toX + 1]!;
      for (let item = starts[cy * nx + fromX]!; item < end; item += 1) {
        const at = item * 3;
        if (Math.abs(places[at]! - x) <= halfX && Math.abs(places[at + 1]! - y) <= halfY && Math.abs(places[at + 2]! - z) <= halfZ) {
          found[count] = items[item]!;
          count += 1;
        }
      }
    }
    return count;
  }

  /** Plots by cell, by counting: first how many each cell has, then where each begins, then the plots themselves. */
  #fill({ count, rows }: Plots): void {
    const cells = this.#nx * this.#ny;
    if (this.#starts.length < cells + 1) this.#starts = new Int32Array((cells + 1) * 2);
    if (this.#items.length < count) {
      this.#items = new Int32Array(count * 2);
      this.#cells = new Int32Array(count * 2);
      this.#places = new Float64Array(count * 6);
    }
    const starts = this.#starts;
    starts.fill(0, 0, cells + 1);
    for (let plot = 0, at = 0; plot < count; plot += 1, at += PLOT_STRIDE) {
      const cell = this.#row(rows[at + 1]!) * this.#nx + this.#column(rows[at]!);
      this.#cells[plot] = cell;
      starts[cell + 1] = starts[cell + 1]! + 1;
    }
    for (let cell = 0; cell < cells; cell += 1) starts[cell + 1] = starts[cell + 1]! + starts[cell]!;
    // Filled from the back, so that each start ends where its cell begins.
    for (let plot = count - 1; plot >= 0; plot -= 1) {
      const next = starts[this.#cells[plot]! + 1]! - 1;
      starts[this.#cells[plot]! + 1] = next;
      this.#items[next] = plot;
      const at = plot * PLOT_STRIDE;
      this.#places[next * 3] = rows[at]!;
      this.#places[next * 3 + 1] = rows[at + 1]!;
      this.#places[next * 3 + 2] = rows[at + 2]!;
    }
    for (let cell = 0; cell < cells; cell += 1) starts[cell] = starts[cell + 1]!;
    starts[cells] = count;
  }

  #column(x: number): number {
    const column = Math.floor((x - this.#x0) * this.#perX);
    return column >= 0 ? (column < this.#nx ? column : this.#nx - 1) : 0;
  }

  #row(y: number): number {
    const row = Math.floor((y - this.#y0) * this.#perY);
    return row >= 0 ? (row < this.#ny ? row : this.#ny - 1) : 0;
  }
}
