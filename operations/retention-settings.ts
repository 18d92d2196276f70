import { DAY_MS, HOUR_MS } from '../common/time.ts';
import { PROCESSORS } from '../streams/index.ts';
import type { RetentionSetting, TableRetention } from '../streams/runtime/declared.ts';

/** Retention by setting, as the processors declare them; units are in the names. */
export type RetentionSettings = Readonly<Record<RetentionSetting, number>>;

/** A table that a processor declares a retention for. */
export type RetainedTable = TableRetention & { readonly processor: string };

export const RETAINED_TABLES: readonly RetainedTable[] = Object.values(PROCESSORS).flatMap(
  ({ name, retention }) => (retention ?? []).map((table) => ({ ...table, processor: name })),
);

export const DEFAULT_RETENTION: RetentionSettings = Object.freeze(
  Object.fromEntries(RETAINED_TABLES.map((table) => [table.setting, table.default])),
);

/** The table's retention in milliseconds. */
export function keepMs({ setting, unit, ...table }: RetainedTable, settings: RetentionSettings) {
  return (settings[setting] ?? table.default) * (unit === 'days' ? DAY_MS : HOUR_MS);
}
