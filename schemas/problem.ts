import type { DeadLetterReason } from './reasons.ts';

/** What is wrong with a record whose bytes could be read: the first field that breaks a rule. */
export interface Problem {
  readonly field: string;
  readonly reason: DeadLetterReason;
  readonly message: string;
}

export function problem(field: string, reason: DeadLetterReason, message: string): Problem {
  return { field, reason, message: `${field} ${message}` };
}

/** Checks text that must not be empty. Lengths are in UTF-16 code units, as String.length counts. */
export function textProblem(field: string, text: string, lengthMax: number): Problem | null {
  if (text.length === 0) return problem(field, 'missing_field', 'is empty');
  return lengthProblem(field, text, lengthMax);
}

export function lengthProblem(field: string, text: string, lengthMax: number): Problem | null {
  if (text.length > lengthMax) {
    const length = String(text.length);
    return problem(field, 'out_of_range', `has ${length} characters, at most ${String(lengthMax)}`);
  }
  // Postgres stores no U+0000 in text, and a lone surrogate has no UTF-8.
  if (text.includes('\0')) return problem(field, 'invalid_text', 'holds U+0000');
  if (!text.isWellFormed()) return problem(field, 'invalid_text', 'holds half a surrogate pair');
  return null;
}

const PROPERTIES_MAX = 32;
const PROPERTY_KEY_MAX = 64;
const PROPERTY_VALUE_MAX = 1024;

export function propertiesProblem(properties: Readonly<Record<string, string>>): Problem | null {
  let count = 0;
  for (const key of Object.keys(properties)) {
    count += 1;
    if (count > PROPERTIES_MAX) {
      return problem('properties', 'out_of_range', `has over ${String(PROPERTIES_MAX)} entries`);
    }
    // The key itself may be what is broken, so it is quoted as JSON and cut.
    const name = `properties[${JSON.stringify(key.slice(0, PROPERTY_KEY_MAX))}]`;
    const found =
      lengthProblem(`the key of ${name}`, key, PROPERTY_KEY_MAX) ??
      lengthProblem(name, properties[key] as string, PROPERTY_VALUE_MAX);
    if (found) return { ...found, field: 'properties' };
  }
  return null;
}

/** The largest long that avsc writes without loss: 2^53 - 2. */
const MOVIE_ID_MAX = Number.MAX_SAFE_INTEGER - 1;

/** True for a number that is an id of the catalogue: a whole number from 1 to 2^53 - 2. */
export function isMovieId(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 1 && id <= MOVIE_ID_MAX;
}
