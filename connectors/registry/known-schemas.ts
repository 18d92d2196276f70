import type { BadRecord } from './bad-record.ts';
import type { BodyReader } from './body-readers.ts';

/** Schemas that the registry was asked about, by id: the reader, or why there is none. */
export interface KnownSchemas {
  /** A refusal is known for a while only: the schema may come. */
  isKnown(schemaId: number, nowMs: number): boolean;
  /** Also a refusal that is too old to be known. */
  get(schemaId: number): KnownSchema | undefined;
  accept(schemaId: number, read: BodyReader): void;
  refuse(schemaId: number, bad: BadRecord, nowMs: number): void;
}

export type KnownSchema =
  { readonly read: BodyReader } | { readonly bad: BadRecord; readonly askAgainAt: number };

/** Ids remembered; beyond it refusals are forgotten, oldest first. */
export const SCHEMAS_MAX = 10_000;

export function createKnownSchemas(refusalTtlMs: number): KnownSchemas {
  const known = new Map<number, KnownSchema>();
  return {
    isKnown: (schemaId, nowMs) => {
      const schema = known.get(schemaId);
      return schema !== undefined && ('read' in schema || nowMs < schema.askAgainAt);
    },
    get: (schemaId) => known.get(schemaId),
    accept: (schemaId, read) => {
      known.set(schemaId, { read });
    },
    refuse: (schemaId, bad, nowMs) => {
      known.delete(schemaId);
      known.set(schemaId, { bad, askAgainAt: nowMs + refusalTtlMs });
      if (known.size <= SCHEMAS_MAX) return;
      for (const [id, schema] of known) {
        if (!('bad' in schema)) continue;
        known.delete(id);
        if (known.size <= SCHEMAS_MAX) break;
      }
    },
  };
}
