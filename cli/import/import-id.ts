import { createHash } from 'node:crypto';

/** The property that names the import an event came with. */
export const IMPORT_PROPERTY = 'import';

/**
 * Names an import by what decides its event ids: the data, and for live traffic the end of its
 * window. 12 hex digits.
 */
export function importIdOf(dataHash: string, untilMs: number | null): string {
  const what = `${dataHash}/${untilMs ?? 'as recorded'}`;
  return createHash('sha256').update(what).digest('hex').slice(0, 12);
}
