import type { Size } from "./camera.ts";

/** A rectangle on screen. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export interface LabelWish {
  /** Of what is labelled. */
  readonly x: number;
  readonly y: number;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Distance of the label from its point. */
  readonly gapPx: number;
  /** Is placed even over others when no place is free. */
  readonly isMust: boolean;
  /** Something leads to the right of the point: the left is tried first. */
  readonly isLeftFirst?: boolean;
}

const CELL_PX = 48;

export interface Occupancy {
  /** Whether a rectangle is inside the picture and over no other. */
  isFree(box: Box): boolean;
  take(box: Box): void;
}

/** Rectangles that are taken, found by cells. */
export function createOccupancy({ widthPx, heightPx }: Size): Occupancy {
  const cells = new Map<string, Box[]>();
  function* cellsOf({ left, top, right, bottom }: Box): Generator<string> {
    for (let x = Math.floor(left / CELL_PX); x <= Math.floor(right / CELL_PX); x += 1)
      for (let y = Math.floor(top / CELL_PX); y <= Math.floor(bottom / CELL_PX); y += 1) yield `${x} ${y}`;
  }
  return {
    isFree(box) {
      if (box.left < 0 || box.top < 0 || box.right > widthPx || box.bottom > heightPx) return false;
      for (const cell of cellsOf(box)) if (cells.get(cell)?.some((taken) => overlaps(box, taken)) === true) return false;
      return true;
    },
    take(box) {
      for (const cell of cellsOf(box)) {
        const known = cells.get(cell);
        if (known === undefined) cells.set(cell, [box]);
        else known.push(box);
      }
    },
  };
}

/** Where labels go, in the order of the wishes: right, left, above or below; undefined for one that finds no place. */
export function placeLabels(wishes: readonly LabelWish[], occupancy: Occupancy): readonly (Box | undefined)[] {
  return wishes.map((wish) => {
    const places = candidates(wish);
    const free = places.find((box) => occupancy.isFree(box)) ?? (wish.isMust ? places[0] : undefined);
    if (free !== undefined) occupancy.take(free);
    return free;
  });
}

function candidates({ x, y, widthPx, heightPx, gapPx, isLeftFirst = false }: LabelWish): readonly Box[] {
  const box = (left: number, top: number): Box => ({ left, top, right: left + widthPx, bottom: top + heightPx });
  const right = box(x + gapPx, y - heightPx / 2);
  const left = box(x - gapPx - widthPx, y - heightPx / 2);
  return [...(isLeftFirst ? [left, right] : [right, left]), box(x - widthPx / 2, y - gapPx - heightPx), box(x - widthPx / 2, y + gapPx)];
}

function overlaps(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
