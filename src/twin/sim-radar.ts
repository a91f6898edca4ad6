import type { CraftState } from "#craft/state.ts";
import { createScene, type Scene, type SensorInputs, type SentScan } from "#radar/scene.ts";
import type { SimModel } from "./sim-state.ts";

/** What the sim says of its radar once a second: whether it looks, and if not why (operations §5.1). */
export interface RadarReading {
  readonly value: 0 | 1;
  readonly reason: "ok" | "unpowered" | "dropout";
  /** Plots of the last scan. */
  readonly detections: number;
}

/** When the radar last looked; plain data, part of the sim's snapshot. */
export interface RadarLook {
  /** Tick of the last look; a radar that is on at the start of a run counts as having looked then. Null when it never has. */
  tick: number | null;
  detections: number;
}

/** The scene of a run at tick 0, own ship where the craft begins. */
export function newScene(model: SimModel, craft: CraftState): Scene {
  const { settings, setup } = model;
  return createScene({
    settings: settings.sensor,
    contacts: setup.scenario.contacts,
    seed: settings.seed,
    tickMs: settings.tickMs,
    ownStartM: craft.positionM,
  });
}

export function newRadarLook(craft: CraftState): RadarLook {
  return { tick: craft.radarOn ? 0 : null, detections: 0 };
}

/** Lets the sensor look after a tick of the craft. */
export function advanceRadar(scene: Scene, look: RadarLook, craft: CraftState): readonly SentScan[] {
  const sent = scene.advance(craft.tick, sensorInputs(craft));
  for (const { scan, sendsSubsets } of sent) if (sendsSubsets) Object.assign(look, { tick: scan.tick, detections: scan.detections.length });
  return sent;
}

export function radarReading(model: SimModel, look: RadarLook, craft: CraftState): RadarReading {
  const { settings } = model;
  const windowMs = Math.max(1000, settings.sensor.framePeriodS * 1000);
  const hasLooked = look.tick !== null && (craft.tick - look.tick) * settings.tickMs < windowMs;
  const { lr, sr } = craft.radarDropout;
  return { value: hasLooked ? 1 : 0, reason: !craft.radarOn ? "unpowered" : lr && sr ? "dropout" : "ok", detections: look.detections };
}

function sensorInputs(craft: CraftState): SensorInputs {
  return {
    radarOn: craft.radarOn,
    interrogates: craft.transponderOn,
    positionM: craft.positionM,
    velocityMps: craft.velocityMps,
    dropout: craft.radarDropout,
    lateS: craft.lateFramesS,
  };
}
