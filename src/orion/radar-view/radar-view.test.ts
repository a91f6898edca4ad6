import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Camera, fit, pxPerM, ringsOf, roundDown125, roundUp125, step, toScreen, wheel } from "./camera.ts";
import { ellipseOf, sigmasOf } from "./ellipse.ts";
import { pick } from "./pick.ts";
import { planRadar } from "./plan.ts";
import { edgeTowards } from "./plan-targets.ts";
import type { Primitive, RadarPlan } from "./primitives.ts";
import type { RadarScene, Target } from "./scene.ts";

const SIZE = { widthPx: 600, heightPx: 500 };
const at = (radiusM: number): Camera => ({ radiusM, panXPx: 0, panYPx: 0 });

const TARGET: Target = {
  id: "a",
  label: "AAAAA",
  xM: 0,
  yM: 1000,
  velocity: { x: 10, y: 0 },
  covariance: [400, 50, 0, 100, 0, 25],
  status: "TRACKED",
  identity: "UNKNOWN",
  isSpoof: false,
  band: "SR",
  rangeM: 1000,
  ageMs: 0,
  isAged: false,
  severity: undefined,
  isCalling: false,
  trail: [],
};
const ZONE = { name: "Near", minM: 0, maxM: 70, hysteresisM: 5, severity: "critical", isActive: false } as const;

function plan(targets: readonly Target[], camera = at(2000), more: Partial<RadarScene> = {}, selectedId?: string): RadarPlan {
  const scene: RadarScene = { ok: true, headingDeg: 0, targets, zones: [], ...more };
  return planRadar(scene, camera, SIZE, {
    selectedId,
    charWidthPx: 6.6,
    shortRangeM: undefined,
    shortRangeName: "SR",
    distance: (metres) => `${metres} m`,
    age: (ageMs) => `${ageMs / 1000} s`,
  });
}

const of = <Kind extends Primitive["kind"]>(drawn: RadarPlan, kind: Kind, style?: string) =>
  drawn.primitives.filter((one) => one.kind === kind && (style === undefined || ("style" in one && one.style === style))) as Extract<
    Primitive,
    { readonly kind: Kind }
  >[];

describe("camera", () => {
  test("RV-001 plan - east is right, north is up, own ship in the middle", () => {
    expect(toScreen(at(1000), SIZE, 0, 0)).toEqual({ x: 300, y: 250 });
    expect(toScreen(at(1000), SIZE, 1000, 0)).toEqual({ x: 534, y: 250 });
    expect(toScreen(at(1000), SIZE, 0, 1000)).toEqual({ x: 300, y: 16 });
  });

  test.each([50, 200, 1000, 5000, 100_000])(
    "RV-002 rings at a radius of %d m - steps of 1-2-5, a target on a ring lies on it",
    (radiusM) => {
      const { stepM, radiiM } = ringsOf(at(radiusM), SIZE);
      expect(stepM).toBeGreaterThanOrEqual(radiusM / 5);
      expect(roundDown125(stepM)).toBe(stepM);
      const drawn = plan([{ ...TARGET, xM: 0, yM: radiiM[1]! }], at(radiusM));
      const ring = of(drawn, "circle", "ring")[1]!;
      const symbol = of(drawn, "symbol")[0]!;
      expect(Math.abs(ring.r - radiiM[1]! * pxPerM(at(radiusM), SIZE))).toBeLessThan(0.5);
      expect(Math.hypot(symbol.x - ring.x, symbol.y - ring.y)).toBeCloseTo(ring.r, 6);
    },
  );

  test("zoom - 1-2-5 presets up and down, within 50 m and 100 km; the wheel keeps what is under the pointer", () => {
    expect([roundUp125(1), roundUp125(1.2), roundUp125(4999), roundUp125(0.3), roundDown125(4999)]).toEqual([1, 2, 5000, 0.5, 2000]);
    expect([step(at(1000), 1).radiusM, step(at(1000), -1).radiusM, step(at(50), -1).radiusM, step(at(100_000), 1).radiusM]).toEqual([
      2000, 500, 50, 100_000,
    ]);
    const under = { x: 120, y: -80 };
    const worldAt = (camera: Camera) => [
      (under.x - camera.panXPx) / pxPerM(camera, SIZE),
      (under.y - camera.panYPx) / pxPerM(camera, SIZE),
    ];
    const before = { radiusM: 1000, panXPx: 10, panYPx: 5 };
    expect(worldAt(wheel(before, 1, under))[0]).toBeCloseTo(worldAt(before)[0]!, 6);
    expect(worldAt(wheel(before, -1, under))[1]).toBeCloseTo(worldAt(before)[1]!, 6);
  });

  test("fit - the smallest preset that holds everything; without anything the one given", () => {
    expect(fit([{ xM: 3000, yM: 4009 }], 10_000)).toEqual(at(10_000));
    expect(fit([{ xM: 300, yM: 0 }], 10_000)).toEqual(at(500));
    expect(fit([], 10_000)).toEqual(at(10_000));
  });
});

describe("ellipse", () => {
  test("RV-004 ellipse - a 400, b 50, c 100 at 95 % is 49.449 × 23.463 m at 9.217°; what is none is not drawn", () => {
    const ellipse = ellipseOf([400, 50, 0, 100, 0, 1], sigmasOf(0.95))!;
    expect(sigmasOf(0.95)).toBeCloseTo(2.4477, 4);
    expect(ellipse.majorM).toBeCloseTo(49.449, 3);
    expect(ellipse.minorM).toBeCloseTo(23.463, 3);
    expect((ellipse.angleRad * 180) / Math.PI).toBeCloseTo(9.217, 3);
    expect([ellipseOf(null, 1), ellipseOf([1, 5, 0, 1, 0, 1], 1), ellipseOf([Number.NaN, 0, 0, 1, 0, 1], 1)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("RV-004 ellipse - 95 ±1 % of 10,000 points drawn from the covariance lie inside", () => {
    const { majorM, minorM, angleRad } = ellipseOf([400, 50, 0, 100, 0, 1], sigmasOf(0.95))!;
    let seed = 12_345;
    const uniform = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    let inside = 0;
    for (let point = 0; point < 10_000; point += 1) {
      const [radius, turn] = [Math.sqrt(-2 * Math.log(uniform())), 2 * Math.PI * uniform()];
      const [u, v] = [radius * Math.cos(turn), radius * Math.sin(turn)];
      // Cholesky factor of the covariance.
      const [x, y] = [20 * u, 2.5 * u + Math.sqrt(100 - 6.25) * v];
      const along = x * Math.cos(angleRad) + y * Math.sin(angleRad);
      const across = y * Math.cos(angleRad) - x * Math.sin(angleRad);
      if (Math.hypot(along / majorM, across / minorM) <= 1) inside += 1;
    }
    expect(inside / 10_000).toBeGreaterThan(0.94);
    expect(inside / 10_000).toBeLessThan(0.96);
  });
});

describe("plan", () => {
  test("RV-003 no picture - rings, zones and own ship are there, and nothing of a target", () => {
    const drawn = plan([TARGET], at(200), { ok: false, zones: [ZONE] });
    expect([of(drawn, "symbol"), of(drawn, "ellipse"), drawn.hits]).toEqual([[], [], []]);
    expect(of(drawn, "circle", "ring").length).toBeGreaterThan(0);
    expect(of(drawn, "circle", "zone-critical").length).toBe(2);
  });

  test("RV-003 unknown velocity - no vector; the vector of a known one ends where it is in 8 s", () => {
    expect(of(plan([{ ...TARGET, velocity: undefined }]), "line", "vector")).toEqual([]);
    const [vector] = of(plan([TARGET]), "line", "vector");
    const scale = pxPerM(at(2000), SIZE);
    expect(vector!.points[1]![0] - vector!.points[0]![0]).toBeCloseTo(80 * scale, 9);
  });

  test("RV-002 guard zone - outer bound and, dashed, where it ends; bold and named in the open while active", () => {
    const zones = [{ ...ZONE, isActive: true }];
    const drawn = plan([], at(100), { zones });
    const scale = pxPerM(at(100), SIZE);
    expect(of(drawn, "circle", "zone-critical").map(({ r, look }) => [Math.round(r / scale), look])).toEqual([
      [70, "bold"],
      [75, "dashed"],
    ]);
    expect(of(drawn, "text", "zoneText")[0]).toMatchObject({ text: "Near 70 m", isLoud: true });
    expect(of(plan([], at(5000), { zones }), "text", "zoneText")).toEqual([]);
  });

  test("RV-005 out of view - no symbol, a caret on the true bearing, one per 15° with the count", () => {
    const east = { ...TARGET, xM: 50_000, yM: 10 };
    const drawn = plan([east, { ...east, id: "b", yM: 5000 }]);
    expect([of(drawn, "symbol"), drawn.outOfView]).toEqual([[], 2]);
    const carets = of(drawn, "line", "caret");
    expect(carets).toHaveLength(1);
    const [tipX, tipY] = carets[0]!.points[1]!;
    const bearing = (Math.atan2(tipX - 300, 250 - tipY) * 180) / Math.PI;
    expect(Math.abs(bearing - (Math.atan2(50_000, 10) * 180) / Math.PI)).toBeLessThan(0.5);
    expect(tipX).toBeCloseTo(600, 6);
    expect(of(drawn, "text", "label")[0]!.text).toBe("AAAAA +1");
    expect(edgeTowards({ x: -5, y: 0 }, { x: 9, y: 9 }, SIZE)).toBeUndefined();
  });

  test("trail - dashed where predicted, open where reports are missing", () => {
    const point = (xM: number, isCoasting = false, isAfterGap = false) => ({ xM, yM: 0, timeUs: xM, isCoasting, isAfterGap });
    const trail = [point(0), point(10), point(20, true), point(30, true), point(90, false, true), point(100)];
    const lines = of(plan([{ ...TARGET, trail }]), "line", "trail");
    expect(lines.map(({ look, points }) => [look, points.length])).toEqual([
      ["solid", 2],
      ["dashed", 3],
      ["solid", 2],
    ]);
  });

  test("RV-007 labels - never over one another; those that find no place are counted; alarmed and selected ones stay", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ x: fc.integer({ min: -1900, max: 1900 }), y: fc.integer({ min: -1500, max: 1500 }) }), { maxLength: 60 }),
        (places) => {
          const targets = places.map(({ x, y }, place) => ({ ...TARGET, id: String(place), xM: x, yM: y, rangeM: Math.hypot(x, y) }));
          const drawn = plan(targets);
          const texts = of(drawn, "text", "label").map(({ x, y, text }) => ({
            left: x,
            right: x + text.length * 6.6,
            top: y - 7,
            bottom: y + 7,
          }));
          for (const [place, a] of texts.entries())
            for (const b of texts.slice(place + 1))
              expect(a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).toBe(false);
          expect(texts.length + drawn.labelsLeftOut).toBe(targets.length);
        },
      ),
      { seed: 7, numRuns: 100 },
    );
    const crowd = Array.from({ length: 40 }, (_, place) => ({
      ...TARGET,
      id: String(place),
      label: `T${place}`,
      xM: place,
      rangeM: place,
    }));
    crowd[39] = { ...crowd[39]!, severity: "C" };
    const drawn = plan(crowd, at(2000), {}, "38");
    expect(
      of(drawn, "text", "label")
        .filter(({ isLoud }) => isLoud)
        .map(({ text }) => text),
    ).toEqual(["T39", "T38"]);
    expect(drawn.labelsLeftOut).toBeGreaterThan(0);
  });

  test("RV-006 status - every status has an outline of its own, with the word in the label", () => {
    const label = (more: Partial<Target>): string => of(plan([{ ...TARGET, ...more }]), "text", "label")[0]!.text;
    expect([
      label({}),
      label({ status: "COASTING" }),
      label({ status: "LOST" }),
      label({ isAged: true, ageMs: 7000 }),
      label({ isSpoof: true }),
    ]).toEqual(["AAAAA", "AAAAA C", "AAAAA LOST", "AAAAA 7 s", "AAAAA S?"]);
  });
});

test("RV-009 pick - three targets over one another are taken in turn; none beyond 12 px; what calls comes first", () => {
  const hits = ["a", "b", "c"].map((id, place) => ({ id, x: 100 + place, y: 100, isCalling: id === "c" }));
  const taken: (string | undefined)[] = [];
  let chosen: string | undefined;
  for (let click = 0; click < 4; click += 1) taken.push((chosen = pick(hits, 100, 100, 12, chosen)));
  expect(taken).toEqual(["c", "a", "b", "c"]);
  expect(pick(hits, 100, 120, 12, undefined)).toBeUndefined();
});
