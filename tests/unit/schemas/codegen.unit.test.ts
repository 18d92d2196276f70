import { stripTypeScriptTypes } from 'node:module';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resolvingReader } from '../../../connectors/registry/body-readers.ts';
import { parseRecord } from '../../../schemas/codegen/model.ts';
import type { TopicModel } from '../../../schemas/codegen/model.ts';
import { plainReaderSource } from '../../../schemas/codegen/plain-readers.ts';
import type { PlainRules } from '../../../schemas/codegen/plain-readers.ts';
import { readersSource } from '../../../schemas/codegen/readers.ts';
import { parseTopic } from '../../../schemas/codegen/topics.ts';
import { createCursor, readWhole } from '../../../schemas/cursor.ts';
import type { Cursor } from '../../../schemas/cursor.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { encodeWire, WIRE_HEADER_BYTES } from '../../../schemas/wire.ts';
import { anyRecord } from './arbitraries.ts';

const declaration = {
  name: 'things.v1',
  record: 'Thing',
  key: 'name',
  partitions: 1,
  timestampType: 'LogAppendTime',
  cleanup: 'delete',
  retention: '7d',
  maxMessageBytes: 1,
  compatibility: 'BACKWARD_TRANSITIVE',
  producers: ['tests'],
};

function thing(fields: readonly object[]): unknown {
  const documented = fields.map((field) => ({ ...field, doc: 'd' }));
  return { type: 'record', name: 'Thing', namespace: 'x', doc: 'd', fields: documented };
}

const VERSIONS = [
  thing([
    { name: 'name', type: 'string' },
    { name: 'dropped', type: { type: 'map', values: 'long' } },
    { name: 'size', type: 'int' },
    { name: 'made_up', type: 'string' },
  ]),
  thing([
    { name: 'size', type: 'long' },
    { name: 'colour', type: ['null', 'string'], default: null },
    { name: 'name', type: ['null', 'string'], default: null },
    { name: 'tags', type: { type: 'array', items: 'string' }, default: ['a"b'] },
    { name: 'mark', type: 'bytes', default: '\u00ff' },
  ]),
];

function model(): TopicModel {
  const versions = VERSIONS.map((json, index) => {
    return { version: index + 1, json, record: parseRecord(json, `thing ${index}`) };
  });
  return { ...parseTopic('things.v1', declaration), versions };
}

type Readers = Record<string, Record<number, (cursor: Cursor) => unknown>>;

async function loadReaders(): Promise<Readers> {
  const cursor = pathToFileURL(join(import.meta.dirname, '../../../schemas/cursor.ts')).href;
  const source = stripTypeScriptTypes(readersSource([model()]));
  const code = source.replace(/\.\.\/cursor\.ts/, cursor);
  const module: unknown = await import(
    /* @vite-ignore */ `data:text/javascript,${encodeURIComponent(code)}`
  );
  return (module as { READERS: Readers }).READERS;
}

describe('readersSource', () => {
  it.each([1, 2])('reads version %i as the newest, as avsc resolves it', async (version) => {
    const read = (await loadReaders())['things.v1']?.[version];
    if (read === undefined) throw new Error('no reader');
    const writer = parseAvro(JSON.stringify(VERSIONS[version - 1]));
    const general = resolvingReader(parseAvro(JSON.stringify(VERSIONS[1])), writer);
    const cursor = createCursor();
    fc.assert(
      fc.property(anyRecord(parseRecord(VERSIONS[version - 1], 'thing')), (value) => {
        const bytes = encodeWire(1, writer, value);
        const found = readWhole(cursor, read, bytes, WIRE_HEADER_BYTES);
        expect(found).toEqual({ ...(general(bytes) as object) });
      }),
    );
  });
});

describe('plainReaderSource', () => {
  const rules = { text: { name: { min: 1, max: 8 } }, kept: [], check: 'problem', from: './p.ts' };
  const source = (fields: readonly object[]) =>
    plainReaderSource(parseRecord(thing(fields), 'thing'), rules as PlainRules);

  it('takes the bounds of a text from its rules', () => {
    expect(source([{ name: 'name', type: 'string' }])).toContain('c.text(1, 8)');
  });
  it.each([
    ['text without bounds', { name: 'colour', type: 'string' }, 'no bounds'],
    ['a list', { name: 'tags', type: { type: 'array', items: 'string' } }, 'for array'],
    ['a map of numbers', { name: 'sums', type: { type: 'map', values: 'long' } }, 'for map'],
  ])('refuses %s, naming the field', (_, field, why) => {
    expect(() => source([field])).toThrow(new RegExp(`^${field.name}: .*${why}`));
  });
});

describe('parseRecord', () => {
  it.each([
    ['a field without a doc', { type: 'record', name: 'T', fields: [{ name: 'a', type: 'int' }] }],
    ['a union of three', thing([{ name: 'a', type: ['null', 'int', 'string'] }])],
    ['an optional field without a default', thing([{ name: 'a', type: ['null', 'int'] }])],
    ['a type that nobody defined', thing([{ name: 'a', type: 'Uuid' }])],
  ])('refuses %s, naming the place', (_, json) => {
    expect(() => parseRecord(json, 'things.v1/1')).toThrow(/^things\.v1\/1\.a: /);
  });
});

describe('parseTopic', () => {
  it.each([
    ['partitions', 0],
    ['retention', '7 days'],
    ['cleanup', 'none'],
    ['timestampType', 'now'],
    ['name', 'others.v1'],
    ['producers', 'all'],
  ])('refuses a wrong %s, naming file and key', (key, value) => {
    const broken = { ...declaration, [key]: value };
    expect(() => parseTopic('things.v1', broken)).toThrow(`topics/things.v1.yaml: ${key} is`);
  });
});
