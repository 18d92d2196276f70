import { PROPERTIES } from './limits.ts';
import type { TextLimit } from './limits.ts';
import type { DeadLetterReason } from './reasons.ts';
import { isUuidv7, uuidTimeMs } from '../common/uuid.ts';

/** The first field that breaks a rule, in a record whose bytes could be read. */
export interface Problem {
  readonly field: string;
  readonly reason: DeadLetterReason;
  readonly message: string;
}

export function problem(field: string, reason: DeadLetterReason, message: string): Problem {
  return { field, reason, message: `${field} ${message}` };
}

/** Null for a text within its bounds that Postgres takes; null is no text and has no bounds. */
export function textProblem(field: string, text: string | null, limit: TextLimit): Problem | null {
  if (text === null) return null;
  if (text.length < limit.min) return problem(field, 'missing_field', 'is empty');
  if (text.length > limit.max) {
    const said = `has ${text.length} characters, at most ${limit.max}`;
    return problem(field, 'out_of_range', said);
  }
  // Postgres stores no U+0000 in text, and a lone surrogate has no UTF-8.
  if (text.includes('\0')) return problem(field, 'invalid_text', 'holds U+0000');
  if (!text.isWellFormed()) return problem(field, 'invalid_text', 'holds half a surrogate pair');
  return null;
}

/**
 * Holds an id to the time that stands beside it, in epoch ms. Tables are partitioned by their ids'
 * times, so a row whose two times differ would find no partition.
 */
export function idTimeProblem(
  idField: string,
  id: Uint8Array,
  timeField: string,
  atMs: number,
): Problem | null {
  if (!Number.isSafeInteger(atMs) || atMs < 0 || atMs >= 2 ** 48) {
    return problem(timeField, 'out_of_range', `is ${atMs}: no time of a UUIDv7`);
  }
  if (!isUuidv7(id)) return problem(idField, 'id_not_v7', 'is not a UUID of version 7');
  const idMs = uuidTimeMs(id);
  if (idMs === atMs) return null;
  const times = `${isoTime(idMs)} but ${timeField} is ${isoTime(atMs)}`;
  return problem(idField, 'id_time_mismatch', `has the time ${times}`);
}

const KEY: TextLimit = { min: 0, max: PROPERTIES.keyMax };
const VALUE: TextLimit = { min: 0, max: PROPERTIES.valueMax };

export function propertiesProblem(properties: Readonly<Record<string, string>>): Problem | null {
  let count = 0;
  for (const key of Object.keys(properties)) {
    count += 1;
    if (count > PROPERTIES.entriesMax) {
      return problem('properties', 'out_of_range', `has over ${PROPERTIES.entriesMax} entries`);
    }
    // The key itself may be what is broken, so it is quoted as JSON and cut.
    const name = `properties[${JSON.stringify(key.slice(0, PROPERTIES.keyMax))}]`;
    const found =
      textProblem(`the key of ${name}`, key, KEY) ??
      textProblem(name, properties[key] as string, VALUE);
    if (found) return { ...found, field: 'properties' };
  }
  return null;
}

/** For messages: the time in ISO 8601. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The largest long that avsc writes without loss: 2^53 - 2. */
const MOVIE_ID_MAX = Number.MAX_SAFE_INTEGER - 1;

/** True for a number that is an id of the catalogue: a whole number from 1 to 2^53 - 2. */
export function isMovieId(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 1 && id <= MOVIE_ID_MAX;
}
