import type { Camera, Size } from "./camera.ts";
import { planBackground } from "./plan-background.ts";
import { planTargets } from "./plan-targets.ts";
import type { PlanOptions, RadarPlan } from "./primitives.ts";
import type { RadarScene } from "./scene.ts";

/** Everything to draw for a scene, lowest first; a pure function, the same for every backend. */
export function planRadar(scene: RadarScene, camera: Camera, size: Size, options: PlanOptions): RadarPlan {
  const background = planBackground(scene, camera, size, options);
  const targets = planTargets(scene.ok ? scene.targets : [], camera, size, options, background.taken);
  return {
    primitives: [...background.primitives, ...targets.primitives],
    hits: targets.hits,
    ringStepM: background.ringStepM,
    outOfView: targets.outOfView,
    labelsLeftOut: targets.labelsLeftOut,
  };
}
