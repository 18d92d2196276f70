/** The part of Avro that Marquee's schemas use, as a tree that the generators walk. */
export type AvroType =
  | { readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'string' | 'bytes' }
  | { readonly kind: 'fixed'; readonly name: string; readonly size: number }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'optional'; readonly of: AvroType };

export interface AvroField {
  readonly name: string;
  readonly doc: string;
  readonly type: AvroType;
  /** The words that a string may be (schema property "marquee.values"), where it says so. */
  readonly values: readonly string[] | null;
  readonly hasDefault: boolean;
  readonly fallback: unknown;
}

export interface AvroRecord {
  readonly name: string;
  readonly doc: string;
  readonly fields: readonly AvroField[];
}

export interface SchemaVersion {
  readonly version: number;
  readonly json: unknown;
  readonly record: AvroRecord;
}

export interface TopicDeclaration {
  readonly name: string;
  readonly record: string;
  readonly key: string;
  readonly partitions: number;
  readonly timestampType: 'LogAppendTime' | 'CreateTime';
  readonly cleanup: 'delete' | 'compact';
  /** -1 is for ever. */
  readonly retentionMs: number;
  readonly maxMessageBytes: number;
  readonly compatibility: string;
  readonly producers: readonly string[];
}

export interface TopicModel extends TopicDeclaration {
  readonly versions: readonly SchemaVersion[];
}

const PRIMITIVES = [
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'string',
  'bytes',
] as const;

/** Reads one record schema. Throws with the place for what Marquee does not use. */
export function parseRecord(json: unknown, place: string): AvroRecord {
  const schema = json as Record<string, unknown>;
  if (schema['type'] !== 'record') throw new Error(`${place}: not a record`);
  const named = new Map<string, AvroType>();
  const fields = (schema['fields'] as Record<string, unknown>[]).map((field): AvroField => {
    const name = String(field['name']);
    const at = `${place}.${name}`;
    if (typeof field['doc'] !== 'string') throw new Error(`${at}: every field has a doc`);
    const hasDefault = 'default' in field;
    const type = parseType(field['type'], at, named);
    if (type.kind === 'optional' && field['default'] !== null) {
      throw new Error(`${at}: an optional field has the default null`);
    }
    const values = (field['marquee.values'] as string[] | undefined) ?? null;
    return { name, doc: field['doc'], type, values, hasDefault, fallback: field['default'] };
  });
  return { name: String(schema['name']), doc: String(schema['doc']), fields };
}

function parseType(json: unknown, place: string, named: Map<string, AvroType>): AvroType {
  if (Array.isArray(json)) {
    if (json.length !== 2 || json[0] !== 'null') {
      throw new Error(`${place}: a union is ["null", type]`);
    }
    return { kind: 'optional', of: parseType(json[1], place, named) };
  }
  if (typeof json === 'string') {
    const kind = PRIMITIVES.find((primitive) => primitive === json);
    if (kind) return { kind };
    const known = named.get(json);
    if (known) return known;
    throw new Error(`${place}: unknown type ${json}`);
  }
  const schema = json as Record<string, unknown>;
  if (schema['type'] === 'array') {
    return { kind: 'array', items: parseType(schema['items'], place, named) };
  }
  if (schema['type'] === 'map') {
    return { kind: 'map', values: parseType(schema['values'], place, named) };
  }
  if (schema['type'] === 'fixed') {
    const name = String(schema['name']);
    const type: AvroType = { kind: 'fixed', name, size: Number(schema['size']) };
    named.set(name, type);
    return type;
  }
  return parseType(schema['type'], place, named);
}
