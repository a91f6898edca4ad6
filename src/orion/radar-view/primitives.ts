import type { Identity, TargetStatus } from "./scene.ts";

/** How a line or a text looks; the backend knows the colours. */
export type Style =
  | "grid"
  | "ring"
  | "ringText"
  | "limit"
  | "zone-info"
  | "zone-warning"
  | "zone-critical"
  | "zoneText"
  | "ownShip"
  | "ellipse"
  | "trail"
  | "vector"
  | "label"
  | "caret"
  | "selection";

export type Primitive =
  | { readonly kind: "circle"; readonly x: number; readonly y: number; readonly r: number; readonly style: Style; readonly look: LineLook }
  | {
      readonly kind: "ellipse";
      readonly x: number;
      readonly y: number;
      readonly major: number;
      readonly minor: number;
      /** Of the major axis on screen, clockwise from right, radians. */
      readonly angle: number;
      readonly style: Style;
      readonly identity: Identity;
    }
  | {
      readonly kind: "line";
      readonly points: readonly (readonly [number, number])[];
      readonly style: Style;
      readonly look: LineLook;
      readonly identity?: Identity;
    }
  | { readonly kind: "symbol"; readonly x: number; readonly y: number; readonly symbol: TargetSymbol }
  | {
      readonly kind: "text";
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly align: "left" | "center" | "right";
      readonly style: Style;
      readonly isLoud: boolean;
    };

/** Dashes say what colour says: long for hysteresis, short for coasting. */
export type LineLook = "solid" | "dashed" | "dotted" | "bold";

/** A target as shape and outline; nothing in it is told by colour alone. */
export interface TargetSymbol {
  readonly identity: Identity;
  readonly status: TargetStatus;
  readonly isSpoof: boolean;
  /** Reads identities: a dot in the middle. */
  readonly isShortRange: boolean;
  readonly isAged: boolean;
  /** An incident on it calls: filled. */
  readonly isCalling: boolean;
  readonly severity: string | undefined;
}

export interface Hit {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly isCalling: boolean;
}

export interface RadarPlan {
  /** From the bottom up. */
  readonly primitives: readonly Primitive[];
  /** Targets on screen, for the pointer. */
  readonly hits: readonly Hit[];
  readonly ringStepM: number;
  readonly outOfView: number;
  readonly labelsLeftOut: number;
}

export interface PlanOptions {
  readonly selectedId: string | undefined;
  /** Width of one character of a label. */
  readonly charWidthPx: number;
  /** How far the short range looks; undefined when not published. */
  readonly shortRangeM: number | undefined;
  /** A distance in words. */
  readonly distance: (metres: number) => string;
  readonly age: (ageMs: number) => string;
  /** Name of the circle that the short range reaches. */
  readonly shortRangeName: string;
}

/** Length of velocity vectors: where the target will be after so long if it keeps its velocity. */
export const VECTOR_S = 8;
export const SYMBOL_PX = 12;
export const LABEL_HEIGHT_PX = 14;
