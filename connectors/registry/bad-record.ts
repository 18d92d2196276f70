import { InvalidText } from '../../common/utf8.ts';
import type { DeadLetterReason } from '../../schemas/reasons.ts';

/**
 * A record that can't be read: a value and not a throw, since it is the record that is at fault.
 */
export interface BadRecord {
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/** A value that does not begin with the wire header. */
export function notAvro(value: Buffer): BadRecord {
  const first = value.subarray(0, 8).toString('hex');
  const detail = `${value.length} bytes beginning with ${first || 'nothing'}: no wire header`;
  return { reason: 'not_avro', detail };
}

/** A body that its reader threw at. */
export function unreadableBody(error: unknown): BadRecord {
  const detail = error instanceof Error ? error.message : String(error);
  return { reason: error instanceof InvalidText ? 'invalid_text' : 'undecodable', detail };
}

/**
 * Null where records of that schema may stand on the subject's topic. `found` is the registry's
 * word on the schema: the subjects that have it, null where there is no such schema.
 */
export function foreignSchema(
  schemaId: number,
  found: readonly string[] | null,
  subject: string,
): BadRecord | null {
  if (found === null) {
    return { reason: 'unknown_schema', detail: `the registry has no schema ${schemaId}` };
  }
  if (found.includes(subject)) return null;
  const where = found.length === 0 ? 'no subject' : found.slice(0, 3).join(', ');
  return { reason: 'wrong_schema', detail: `schema ${schemaId} is of ${where}, not of ${subject}` };
}

export function unresolvableSchema(schemaId: number, error: unknown): BadRecord {
  const why = error instanceof Error ? error.message : String(error);
  const detail = `schema ${schemaId} can't be read as this version's: ${why}`;
  return { reason: 'wrong_schema', detail };
}
