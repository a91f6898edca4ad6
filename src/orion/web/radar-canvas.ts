import type { Size } from "#orion/radar-view/camera.ts";
import { type Primitive, type RadarPlan, type Style, SYMBOL_PX, type TargetSymbol } from "#orion/radar-view/primitives.ts";
import type { Identity } from "#orion/radar-view/scene.ts";
import { SEVERITY_STATUS } from "./symbol.tsx";

/** Draws a plan; crisp on any screen. Colours are the page's. */
export interface RadarCanvas {
  draw(plan: RadarPlan, size: Size, pixelRatio: number): void;
  readonly charWidthPx: number;
}

type Palette = Readonly<Record<Style | `identity-${Identity}` | "ground" | "text", string>>;

const FONT = '11px ui-monospace, "DejaVu Sans Mono", "Liberation Mono", Menlo, monospace';
const DASHES: Readonly<Record<"solid" | "dashed" | "dotted" | "bold", readonly number[]>> = {
  solid: [],
  dashed: [5, 4],
  dotted: [1.5, 3],
  bold: [],
};

export function openRadarCanvas(canvas: HTMLCanvasElement): RadarCanvas {
  const context = canvas.getContext("2d", { alpha: false })!;
  context.font = FONT;
  const charWidthPx = context.measureText("0").width;
  return {
    charWidthPx,
    draw(plan, size, pixelRatio) {
      const [width, height] = [Math.round(size.widthPx * pixelRatio), Math.round(size.heightPx * pixelRatio)];
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      const palette = paletteOf(canvas);
      context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
      context.fillStyle = palette.ground;
      context.fillRect(0, 0, size.widthPx, size.heightPx);
      context.font = FONT;
      context.textBaseline = "middle";
      for (const primitive of plan.primitives) drawPrimitive(context, primitive, palette);
    },
  };
}

function paletteOf(canvas: HTMLCanvasElement): Palette {
  const style = getComputedStyle(canvas);
  const token = (name: string): string => style.getPropertyValue(name).trim();
  const secondary = token("--color-text-secondary");
  const primary = token("--color-text-primary");
  return {
    ground: token("--color-background-base-default"),
    text: primary,
    grid: "#ffffff14",
    ring: "#ffffff2e",
    ringText: secondary,
    limit: "#ffffff66",
    "zone-info": token("--color-status-standby"),
    "zone-warning": token("--color-status-caution"),
    "zone-critical": token("--color-status-serious"),
    zoneText: secondary,
    ownShip: primary,
    ellipse: secondary,
    trail: secondary,
    vector: secondary,
    label: secondary,
    caret: primary,
    selection: token("--color-border-focus-default"),
    "identity-FRIEND": "#4dacff",
    "identity-FOE": "#ff3838",
    "identity-UNKNOWN": "#fce83a",
    "identity-UNSPECIFIED": secondary,
  };
}

function drawPrimitive(context: CanvasRenderingContext2D, primitive: Primitive, palette: Palette): void {
  switch (primitive.kind) {
    case "circle": {
      const { x, y, r, style, look } = primitive;
      stroke(context, palette[style], look, style.startsWith("zone") && look !== "bold" ? 0.75 : 1);
      context.beginPath();
      context.arc(x, y, r, 0, 2 * Math.PI);
      context.stroke();
      break;
    }
    case "ellipse": {
      const { x, y, major, minor, angle, identity } = primitive;
      stroke(context, palette[`identity-${identity}`], "solid", 0.45);
      context.beginPath();
      context.ellipse(x, y, major, minor, angle, 0, 2 * Math.PI);
      context.stroke();
      context.fillStyle = palette[`identity-${identity}`];
      context.globalAlpha = 0.08;
      context.fill();
      break;
    }
    case "line": {
      const { points, style, look, identity } = primitive;
      stroke(context, identity === undefined ? palette[style] : palette[`identity-${identity}`], look, style === "trail" ? 0.55 : 1);
      context.beginPath();
      for (const [x, y] of points) context.lineTo(x, y);
      context.stroke();
      break;
    }
    case "text": {
      const { x, y, text, align, style, isLoud } = primitive;
      context.globalAlpha = 1;
      context.fillStyle = isLoud ? palette.text : palette[style];
      context.textAlign = align;
      context.fillText(text, x, y);
      break;
    }
    case "symbol":
      drawSymbol(context, primitive.x, primitive.y, primitive.symbol, palette);
      break;
  }
  context.globalAlpha = 1;
}

function stroke(context: CanvasRenderingContext2D, colour: string, look: keyof typeof DASHES, alpha: number): void {
  context.strokeStyle = colour;
  context.lineWidth = look === "bold" ? 2 : 1;
  context.setLineDash(DASHES[look] as number[]);
  context.globalAlpha = alpha;
}

const HALF = SYMBOL_PX / 2;

/** Shape says who, outline says how sure, a dot says that identities are read there; grey and hatched is old. */
function drawSymbol(context: CanvasRenderingContext2D, x: number, y: number, symbol: TargetSymbol, palette: Palette): void {
  const { status, isAged, isCalling, isShortRange, severity } = symbol;
  const colour = isAged ? palette["identity-UNSPECIFIED"] : palette[`identity-${symbol.identity}`];
  context.save();
  context.translate(x, y);
  context.strokeStyle = colour;
  context.fillStyle = palette.ground;
  context.lineWidth = status === "NEW" ? 1.5 : 2;
  // A crowd of tentative tracks must not hide what is sure.
  if (status === "NEW" && !isCalling) context.globalAlpha = 0.6;
  context.setLineDash(status === "NEW" ? [2, 2] : status === "COASTING" ? [5, 3] : []);
  if (status === "LOST") drawCross(context);
  else {
    outline(context, symbol.identity);
    if (isCalling) context.fillStyle = colour;
    context.fill();
    context.stroke();
    if (isAged) hatch(context, symbol.identity);
    context.setLineDash([]);
    if (isShortRange && !isAged) dot(context, isCalling ? palette.ground : colour);
  }
  if (severity !== undefined) drawSeverity(context, severity);
  context.restore();
}

/** Circle friend, diamond foe, square unknown, small circle where nothing is said. */
function outline(context: CanvasRenderingContext2D, identity: Identity): void {
  context.beginPath();
  if (identity === "FRIEND") context.arc(0, 0, HALF, 0, 2 * Math.PI);
  else if (identity === "UNKNOWN") context.rect(-HALF + 0.5, -HALF + 0.5, SYMBOL_PX - 1, SYMBOL_PX - 1);
  else if (identity === "FOE") {
    for (const [dx, dy] of [
      [0, -HALF - 1.5],
      [HALF + 1.5, 0],
      [0, HALF + 1.5],
      [-HALF - 1.5, 0],
    ] as const)
      context.lineTo(dx, dy);
    context.closePath();
  } else context.arc(0, 0, HALF - 2.5, 0, 2 * Math.PI);
}

function hatch(context: CanvasRenderingContext2D, identity: Identity): void {
  context.save();
  outline(context, identity);
  context.clip();
  context.setLineDash([]);
  context.lineWidth = 1;
  context.beginPath();
  for (let at = -SYMBOL_PX; at <= SYMBOL_PX; at += 4) {
    context.moveTo(at - HALF, HALF);
    context.lineTo(at + HALF, -HALF);
  }
  context.stroke();
  context.restore();
}

function drawCross(context: CanvasRenderingContext2D): void {
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(-HALF, -HALF);
  context.lineTo(HALF, HALF);
  context.moveTo(HALF, -HALF);
  context.lineTo(-HALF, HALF);
  context.stroke();
}

function dot(context: CanvasRenderingContext2D, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(0, 0, 1.75, 0, 2 * Math.PI);
  context.fill();
}

/** The incident's own symbol at the upper right, as in the bar. */
function drawSeverity(context: CanvasRenderingContext2D, severity: string): void {
  const status = SEVERITY_STATUS[severity] ?? "standby";
  context.translate(HALF + 4, -HALF - 4);
  context.fillStyle = getComputedStyle(context.canvas).getPropertyValue(`--color-status-${status}`).trim();
  context.beginPath();
  if (status === "critical") triangle(context);
  else if (status === "serious") for (const [dx, dy] of DIAMOND) context.lineTo(dx, dy);
  else if (status === "caution") context.rect(-3, -3, 6, 6);
  else context.arc(0, 0, 3, 0, 2 * Math.PI);
  context.fill();
}

const DIAMOND = [
  [0, -4.5],
  [4.5, 0],
  [0, 4.5],
  [-4.5, 0],
] as const;

function triangle(context: CanvasRenderingContext2D): void {
  context.moveTo(-4, -3.5);
  context.lineTo(4, -3.5);
  context.lineTo(0, 4);
}
