import { openNats } from "#bus/nats.ts";
import type { Bus, BusReport } from "#bus/port.ts";
import { natsOptions } from "./nats-options.ts";
import { settings } from "./settings.ts";

/** Opens a bus over the server of `url`, else of the settings, whether it is there yet or not. @throws QikiError `auth_config` */
export function natsBus(url = settings().nats.url): (report: (report: BusReport) => void) => Bus {
  const options = natsOptions(url);
  return (report) => openNats({ ...options, report });
}
