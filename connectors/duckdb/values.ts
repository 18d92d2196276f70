import {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
} from '@duckdb/node-api';
import type { DuckDBValue } from '@duckdb/node-api';

/** As DuckDB writes it; null for NULL. */
export function textOfValue(value: DuckDBValue): string | null {
  return value === null ? null : String(value);
}

/**
 * As JSON. Integers and decimals keep all their digits, a time with its zone is ISO 8601 in UTC, a
 * map is an object; what JSON has no number for (NaN, infinity) is a string.
 */
export function jsonOfValue(value: DuckDBValue): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number')
    return Number.isFinite(value) ? JSON.stringify(value) : JSON.stringify(String(value));
  if (value instanceof DuckDBTimestampTZValue) return JSON.stringify(isoOf(value));
  if (value instanceof DuckDBDecimalValue) return value.toString();
  if (value instanceof DuckDBMapValue)
    return jsonObject(value.entries.map((entry) => [String(entry.key), entry.value]));
  if (value instanceof DuckDBStructValue) return jsonObject(Object.entries(value.entries));
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue)
    return `[${value.items.map(jsonOfValue).join(',')}]`;
  return JSON.stringify(String(value));
}

function jsonObject(entries: readonly (readonly [string, DuckDBValue])[]): string {
  const fields = entries.map(([name, value]) => `${JSON.stringify(name)}:${jsonOfValue(value)}`);
  return `{${fields.join(',')}}`;
}

/** '2026-11-20T12:30:00.123Z', with as many digits of a second as it has. */
function isoOf(value: DuckDBTimestampTZValue): string {
  return value
    .toString()
    .replace(' ', 'T')
    .replace(/\+00(:00)?$/, 'Z');
}
