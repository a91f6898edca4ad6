import type { Camera, Size } from "./camera.ts";
import { createOccupancy } from "./labels.ts";
import { planBackground } from "./plan-background.ts";
import { placeTargets, planTargets } from "./plan-targets.ts";
import type { PlanOptions, RadarPlan } from "./primitives.ts";
import type { RadarScene } from "./scene.ts";

/** Everything to draw for a scene, lowest first; a pure function, the same for every backend. */
export function planRadar(scene: RadarScene, camera: Camera, size: Size, options: PlanOptions): RadarPlan {
  const taken = createOccupancy(size);
  const placed = placeTargets(scene.ok ? scene.targets : [], camera, size, taken);
  const background = planBackground(scene, camera, size, options, taken);
  const targets = planTargets(placed, camera, size, options, taken);
  return {
    primitives: [...background.primitives, ...targets.primitives],
    hits: targets.hits,
    ringStepM: background.ringStepM,
    outOfView: targets.outOfView,
    labelsLeftOut: targets.labelsLeftOut,
  };
}
