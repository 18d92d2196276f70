import type { Fault } from '../runtime/processor.ts';

/** A record stands in its key's partition, so its key must be what the value says. */
export function keyFault(key: Buffer | null, expected: string, field: string): Fault | null {
  if (key === null)
    return { reason: 'missing_key', detail: `the key is null; it must be ${field}` };
  if (key.toString() === expected) return null;
  const shown = JSON.stringify(key.toString().slice(0, 64));
  return {
    reason: 'key_mismatch',
    detail: `the key is ${shown}, but ${field} is ${JSON.stringify(expected.slice(0, 64))}`,
  };
}
