import type avro from 'avsc';
import { AVRO_SCHEMAS } from './generated/avro.ts';
import { TOPICS } from './generated/topics.ts';
import type { RecommendationServeRecord } from './generated/types.ts';
import { parseAvro } from './strict-avro.ts';

/*
 * A record in Avro is its fields' bytes behind each other. Those of a serve come in two parts: what is the
 * request's own, then what all serves of one list share, so that a list which is served often is
 * encoded once.
 */

const LIST_FIELDS = [
  'algorithm',
  'model_version',
  'surface',
  'surface_version',
  'experiment',
  'arm',
  'movie_ids',
  'scores',
  'reasons',
  'propensities',
] as const;

/** What all serves of one list share. */
export type ServedListPart = Pick<RecommendationServeRecord, (typeof LIST_FIELDS)[number]>;
/** What is the request's own. */
export type ServePart = Omit<RecommendationServeRecord, keyof ServedListPart>;

const TOPIC = 'recommendation-serves.v1';
export const SERVE_VERSION: number = TOPICS[TOPIC].versions.at(-1) ?? 0;

const versions: Readonly<Record<number, string>> = AVRO_SCHEMAS[TOPIC];

interface RecordSchema {
  readonly name: string;
  readonly fields: readonly { readonly name: string }[];
}

function typeOfFields(name: string, wanted: (field: string) => boolean): avro.Type {
  const schema = JSON.parse(versions[SERVE_VERSION] ?? '') as RecordSchema;
  const fields = schema.fields.filter((field) => wanted(field.name));
  return parseAvro(JSON.stringify({ ...schema, name, fields }));
}

const listFields: ReadonlySet<string> = new Set(LIST_FIELDS);
/** Of the part that comes first. */
export const SERVE_PART_TYPE = typeOfFields('ServePart', (field) => !listFields.has(field));
const listType = typeOfFields('ServedListPart', (field) => listFields.has(field));

const serveType = parseAvro(versions[SERVE_VERSION] ?? '');

/** Both parts together. */
export function decodeServe(bytes: Buffer): RecommendationServeRecord {
  return serveType.fromBuffer(bytes) as RecommendationServeRecord;
}

/** The bytes that follow a ServePart's. Throws where a field's type is not the schema's. */
export function encodeServedList(list: ServedListPart): Buffer {
  return listType.toBuffer(list);
}
