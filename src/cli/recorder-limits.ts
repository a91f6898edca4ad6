import { RECORD_STORAGE, type RecordStorage } from "#services/record-storage.ts";
import type { HistoryLimits } from "#store/history-store.ts";
import { settings } from "./settings.ts";

const GIB = 1_073_741_824;
const MIB = 1_048_576;
const HOUR_MS = 3_600_000;

/** What recordings and history may take, as the settings say. */
export function recorderLimits(): { readonly storage: RecordStorage; readonly history: HistoryLimits } {
  const { record, history } = settings();
  return {
    storage: { ...RECORD_STORAGE, quotaBytes: record.maxGib * GIB, segmentBytes: record.segmentMib * MIB, compresses: record.compress },
    history: { keepMs: history.keepH * HOUR_MS, maxBytes: history.maxMib * MIB },
  };
}
