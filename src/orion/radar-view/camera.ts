/** What part of the plan is shown: north up, own ship at the centre unless panned. */
export interface Camera {
  /** Distance from the centre to the nearer edge, m. */
  readonly radiusM: number;
  readonly panXPx: number;
  readonly panYPx: number;
}

export interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

export interface ScreenPoint {
  readonly x: number;
  readonly y: number;
}

const MARGIN_PX = 16;
export const RADIUS_MIN_M = 50;
export const RADIUS_MAX_M = 100_000;
const WHEEL_FACTOR = 1.25;
const STEPS = [1, 2, 5, 10] as const;

/** The smallest 1-2-5 number that is not less. */
export function roundUp125(value: number): number {
  const decade = decadeOf(value);
  return decade * STEPS.find((step) => step * decade >= value * (1 - 1e-12))!;
}

/** The greatest 1-2-5 number that is not more. */
export function roundDown125(value: number): number {
  const decade = decadeOf(value);
  return decade * STEPS.findLast((step) => step * decade <= value * (1 + 1e-12))!;
}

/** 1, 10, 100, … not above the value; by multiplication, so that every engine gives the same. */
function decadeOf(value: number): number {
  let decade = 1;
  while (decade * 10 <= value * (1 + 1e-12)) decade *= 10;
  while (decade > value * (1 + 1e-12)) decade /= 10;
  return decade;
}

export function pxPerM({ radiusM }: Camera, { widthPx, heightPx }: Size): number {
  return (Math.min(widthPx, heightPx) / 2 - MARGIN_PX) / radiusM;
}

/** Where a point lies on screen: +X east is right, +Y north is up. */
export function toScreen(camera: Camera, size: Size, xM: number, yM: number): ScreenPoint {
  const scale = pxPerM(camera, size);
  return { x: size.widthPx / 2 + camera.panXPx + xM * scale, y: size.heightPx / 2 + camera.panYPx - yM * scale };
}

/** Another radius about the centre of the screen: what was there stays there. */
export function withRadius(camera: Camera, radiusM: number): Camera {
  const clamped = Math.max(RADIUS_MIN_M, Math.min(RADIUS_MAX_M, radiusM));
  const factor = camera.radiusM / clamped;
  return { radiusM: clamped, panXPx: camera.panXPx * factor, panYPx: camera.panYPx * factor };
}

/** One notch of the wheel; `by` 1 shows more, -1 less. The point under the pointer, from the centre of the screen, stays. */
export function wheel(camera: Camera, by: 1 | -1, pointer: ScreenPoint = { x: 0, y: 0 }): Camera {
  const zoomed = withRadius(camera, by === 1 ? camera.radiusM * WHEEL_FACTOR : camera.radiusM / WHEEL_FACTOR);
  const factor = camera.radiusM / zoomed.radiusM;
  return { ...zoomed, panXPx: pointer.x - (pointer.x - camera.panXPx) * factor, panYPx: pointer.y - (pointer.y - camera.panYPx) * factor };
}

/** The next 1-2-5 radius; `by` 1 shows more. */
export function step(camera: Camera, by: 1 | -1): Camera {
  return withRadius(camera, by === 1 ? roundUp125(camera.radiusM * 1.01) : roundDown125(camera.radiusM * 0.99));
}

/** The smallest preset that holds all points, own ship at the centre. */
export function fit(points: readonly { readonly xM: number; readonly yM: number }[], fallbackM: number): Camera {
  const farM = Math.max(0, ...points.map(({ xM, yM }) => Math.hypot(xM, yM)));
  const radiusM = farM === 0 ? fallbackM : Math.max(RADIUS_MIN_M, Math.min(RADIUS_MAX_M, roundUp125(farM)));
  return { radiusM, panXPx: 0, panYPx: 0 };
}

/** Radii of the range rings in view: steps of the smallest 1-2-5 number that is at least a fifth of the radius. */
export function ringsOf(camera: Camera, size: Size): { readonly stepM: number; readonly radiiM: readonly number[] } {
  const stepM = roundUp125(camera.radiusM / 5);
  const scale = pxPerM(camera, size);
  // The corner furthest from own ship.
  const farPx = Math.hypot(size.widthPx / 2 + Math.abs(camera.panXPx), size.heightPx / 2 + Math.abs(camera.panYPx));
  const count = Math.min(RINGS_MAX, Math.floor(farPx / scale / stepM));
  return { stepM, radiiM: Array.from({ length: count }, (_, at) => (at + 1) * stepM) };
}

const RINGS_MAX = 40;
