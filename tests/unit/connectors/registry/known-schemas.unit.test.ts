import { expect, test } from 'vitest';
import { SCHEMAS_MAX, createKnownSchemas } from '../../../../connectors/registry/known-schemas.ts';

const TTL_MS = 1_000;
const bad = { reason: 'unknown_schema', detail: 'none' } as const;
const read = () => ({});

test('an accepted schema is known for good', () => {
  const known = createKnownSchemas(TTL_MS);
  expect(known.isKnown(1, 0)).toBe(false);
  known.accept(1, read);
  expect(known.isKnown(1, 1e15)).toBe(true);
  expect(known.get(1)).toEqual({ read });
});

test('a refusal is known for a while, and still answered until it is asked for again', () => {
  const known = createKnownSchemas(TTL_MS);
  known.refuse(1, bad, 500);
  expect(known.isKnown(1, 1_499)).toBe(true);
  expect(known.isKnown(1, 1_500)).toBe(false);
  expect(known.get(1)).toMatchObject({ bad });
});

test('a schema that was refused may come', () => {
  const known = createKnownSchemas(TTL_MS);
  known.refuse(1, bad, 0);
  known.accept(1, read);
  expect(known.get(1)).toEqual({ read });
});

test('beyond the bound the oldest refusals are forgotten, and no schema that is read', () => {
  const known = createKnownSchemas(TTL_MS);
  known.accept(0, read);
  for (let id = 1; id <= SCHEMAS_MAX; id += 1) known.refuse(id, bad, 0);
  expect(known.get(0)).toBeDefined();
  expect(known.get(1)).toBeUndefined();
  // One that is refused again counts as new.
  known.refuse(2, bad, 0);
  known.refuse(-1, bad, 0);
  expect(known.get(2)).toBeDefined();
  expect(known.get(3)).toBeUndefined();
});
