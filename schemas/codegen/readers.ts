import type { AvroField, AvroType, SchemaVersion, TopicModel } from './model.ts';
import { decodedName, localName, newest } from './types.ts';

/** Fields with few different values, whose strings are shared between records. */
const REPEATING = new Set([
  'action',
  'algorithm',
  'app',
  'app_version',
  'arm',
  'device',
  'experiment',
  'model_version',
  'processor',
  'reason',
  'source',
  'steps',
  'surface',
  'surface_version',
  'topic',
]);

/** A reader from each version of each topic to the newest. */
export function readersSource(topics: readonly TopicModel[]): string {
  const readers = topics.flatMap((topic) => topic.versions.map((v) => readerSource(topic, v)));
  const table = topics.map((topic) => {
    const entries = topic.versions.map(({ version }) => `${version}: ${nameOf(topic, version)}`);
    return `'${topic.name}': { ${entries.join(', ')} }`;
  });
  const body = readers.join('\n');
  const helpers = ['readArray', 'readBytes', 'readDouble', 'readFixed', 'readLong', 'readMap'];
  helpers.push('readOption', 'readText', 'readWord');
  const types = topics.map((topic) => decodedName(newest(topic)));
  const used = helpers.filter((helper) => body.includes(helper));
  return `
    import { ${used.join(', ')} } from '../cursor.ts';
    import type { Cursor } from '../cursor.ts';
    import type { TopicName } from './topics.ts';
    import type { ${[...types, 'TopicRecords'].join(', ')} } from './types.ts';

    ${body}

    /** Readers by topic and the version that was written; all give the newest version's record. */
    export const READERS: {
      readonly [K in TopicName]: Readonly<Record<number, (c: Cursor) => TopicRecords[K]>>;
    } = { ${table.join(',\n')} };
  `;
}

function nameOf(topic: TopicModel, version: number): string {
  return `read${newest(topic).name}${version}`;
}

function readerSource(topic: TopicModel, { version, record: written }: SchemaVersion): string {
  const target = newest(topic);
  const lines = written.fields.map((field) => {
    const kept = target.fields.find(({ name }) => name === field.name);
    const value = readCode(
      field.type,
      field.name,
      target === written ? null : (kept?.type ?? null),
    );
    // A field that is gone is read to get past it.
    return kept === undefined ? `${value};` : `const ${localName(field.name)} = ${value};`;
  });
  const parts = target.fields.map((field) => {
    const found = written.fields.some(({ name }) => name === field.name);
    return found ? pair(field.name) : `${field.name}: ${fallbackCode(field)}`;
  });
  return `
    function ${nameOf(topic, version)}(c: Cursor): ${decodedName(target)} {
      ${lines.join('\n')}
      return { ${parts.join(', ')} };
    }
  `;
}

function pair(name: string): string {
  return localName(name) === name ? name : `${name}: ${localName(name)}`;
}

/** Code that reads the written type as the type that is wanted (null: as it is). */
function readCode(written: AvroType, field: string, wanted: AvroType | null): string {
  if (written.kind === 'optional') {
    const inner = wanted?.kind === 'optional' ? wanted.of : null;
    return `readOption(c) ? ${readCode(written.of, field, inner)} : null`;
  }
  const want = wanted?.kind === 'optional' ? wanted.of : wanted;
  if (want !== null && want.kind !== written.kind && !isNumber(want, written)) {
    throw new Error(`${field}: no reader from ${written.kind} to ${want.kind}`);
  }
  switch (written.kind) {
    case 'int':
    case 'long':
      return 'readLong(c)';
    case 'double':
      return 'readDouble(c)';
    case 'string':
      return REPEATING.has(field) ? 'readWord(c)' : 'readText(c)';
    case 'bytes':
      return 'readBytes(c)';
    case 'fixed':
      return `readFixed(c, ${written.size})`;
    case 'array':
      return `readArray(c, ${itemReader(written.items, field)})`;
    case 'map':
      return `readMap(c, ${itemReader(written.values, field)})`;
    default:
      throw new Error(`${field}: no reader for ${written.kind}`);
  }
}

/** Whole numbers are written alike, and come out as the same JavaScript number. */
function isNumber(wanted: AvroType, written: AvroType): boolean {
  return wanted.kind === 'long' && written.kind === 'int';
}

function itemReader(type: AvroType, field: string): string {
  const code = readCode(type, field, null);
  return /^\w+\(c\)$/.test(code) ? code.slice(0, -'(c)'.length) : `(c) => ${code}`;
}

function fallbackCode({ type, fallback }: AvroField): string {
  return type.kind === 'bytes' || type.kind === 'fixed'
    ? `Buffer.from(${JSON.stringify(fallback)}, 'latin1')`
    : JSON.stringify(fallback);
}
