import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createRegistryClient } from '../../../connectors/registry/client.ts';
import type { RegistryClient } from '../../../connectors/registry/client.ts';
import { createCodec, newestSchema } from '../../../connectors/registry/codec.ts';
import { checkWithRegistry, pushSchemas } from '../../../connectors/registry/subjects.ts';
import type { Subject } from '../../../connectors/registry/subjects.ts';
import { readExamples } from '../../../schemas/examples.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import type { TopicName } from '../../../schemas/generated/topics.ts';
import { parseAvro } from '../../../schemas/strict-avro.ts';
import { encodeWire } from '../../../schemas/wire.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { MINUTE_MS } from '../../../common/time.ts';

const { url } = sharedStack().config.registry;
const client = createRegistryClient({ url });

function schema(...fields: readonly object[]): string {
  return JSON.stringify({ type: 'record', name: 'Thing', namespace: 'tests', fields });
}

const ID = { name: 'id', type: 'long' };
const EXTRA = { name: 'extra', type: ['null', 'string'], default: null };

function subjectOf(...schemas: readonly string[]): Subject {
  const subject = `thing-${randomUUID().slice(0, 8)}-value`;
  return { subject, compatibility: 'BACKWARD_TRANSITIVE', schemas };
}

describe('pushSchemas', () => {
  it('registers each version in its order, sets the level, and does nothing twice', async () => {
    const subject = subjectOf(schema(ID), schema(ID, EXTRA));
    const first = await pushSchemas({ url, subjects: [subject] });
    expect(first.map(({ action }) => action)).toEqual([
      'set_compatibility',
      'register',
      'register',
    ]);
    const second = await pushSchemas({ url, subjects: [subject] });
    expect(second.map(({ action }) => action)).toEqual(['unchanged']);
    const versions = await client.versions(subject.subject);
    expect(versions.map(({ version }) => version)).toEqual([1, 2]);
    expect(await client.compatibility(subject.subject)).toBe('BACKWARD_TRANSITIVE');
  });

  it('names field and rule of a break, before anything is sent', async () => {
    const subject = subjectOf(schema(ID), schema({ name: 'id', type: 'string' }));
    const pushed = pushSchemas({ url, subjects: [subject] });
    await expect(pushed).rejects.toMatchObject({ code: 'MARQUEE_SCHEMA_INCOMPATIBLE' });
    await expect(pushed).rejects.toThrow(/id: type_changed: was long, is string/);
    expect(await client.versions(subject.subject)).toEqual([]);
  });

  it('is refused by the registry too, against what others have registered', async () => {
    const registered = subjectOf(schema(ID));
    await pushSchemas({ url, subjects: [registered] });
    const other = { ...registered, schemas: [schema({ name: 'id', type: 'string' })] };
    const objections = await checkWithRegistry({ url, subjects: [other] });
    expect(objections.map(({ subject }) => subject)).toEqual([registered.subject]);
    const pushed = pushSchemas({ url, subjects: [other] });
    await expect(pushed).rejects.toMatchObject({ code: 'MARQUEE_SCHEMA_REFUSED' });
  });
});

describe('the codec', () => {
  it.each(Object.keys(TOPICS) as TopicName[])('reads back the examples of %s', async (topic) => {
    const codec = createCodec({ url });
    const writer = await codec.writer(topic);
    const reader = codec.reader(topic);
    await reader.ensureSchema(writer.schemaId);
    for (const { value } of await readExamples(topic)) {
      if (value === null) continue;
      const found = reader.decode(writer.encode(value));
      for (const [field, expected] of Object.entries(value)) {
        expect(Reflect.get(found, field)).toEqual(expected);
      }
    }
  });

  it('reads what a newer producer wrote, with a schema that this build does not know', async () => {
    const newer = JSON.parse(newestSchema('profile-changes.v1')) as { fields: object[] };
    newer.fields.push({ ...EXTRA, name: 'cause', doc: 'd' });
    const text = JSON.stringify(newer);
    // Under a subject of its own: the shared one is for all tests of the run.
    const id = await client.register(subjectOf().subject, text);
    const subjectsOf = (): Promise<string[]> =>
      Promise.resolve([TOPICS['profile-changes.v1'].subject]);
    const value = { user_id: 'u', profile_version: 3, changed_at: 5, cause: 'rate' };
    const codec = createCodec({ url, client: { ...client, subjectsOf } });
    const reader = codec.reader('profile-changes.v1');
    await reader.ensureSchema(id);
    const found = reader.decode(encodeWire(id, parseAvro(text), value));
    expect({ ...found }).toEqual({ user_id: 'u', profile_version: 3, changed_at: 5 });
  });

  it('tells each kind of bad record from the others', async () => {
    const codec = createCodec({ url });
    const reader = codec.reader('user-actions.v1');
    const good = (await codec.writer('user-actions.v1')).encode(
      (await readExamples('user-actions.v1')).find(({ name }) => name === 'every-field')
        ?.value as never,
    );
    const other = (await codec.writer('movies.v1')).schemaId;
    const unknown = 2_000_000_001;
    for (const id of [good.readInt32BE(1), other, unknown]) await reader.ensureSchema(id);
    const withId = (id: number): Buffer => {
      const bytes = Buffer.from(good);
      bytes.writeInt32BE(id, 1);
      return bytes;
    };
    const invalid = Buffer.from(good);
    invalid[invalid.indexOf('u-1729')] = 0xff;
    const reasons = [
      Buffer.from('{"user_id":"u"}'),
      Buffer.alloc(0),
      good.subarray(0, 4),
      withId(unknown),
      withId(other),
      good.subarray(0, -1),
      Buffer.concat([good, Buffer.alloc(1)]),
      invalid,
    ].map((bytes) => {
      const found = reader.decode(bytes);
      return 'reason' in found ? found.reason : 'ok';
    });
    expect(reasons).toEqual([
      'not_avro',
      'not_avro',
      'not_avro',
      'unknown_schema',
      'wrong_schema',
      'undecodable',
      'undecodable',
      'invalid_text',
    ]);
    expect('reason' in reader.decode(good)).toBe(false);
  });

  it('asks once about an id, however many records carry it, and again after a while', async () => {
    let asked = 0;
    const counting: RegistryClient = {
      ...client,
      subjectsOf: (id) => {
        asked += 1;
        return client.subjectsOf(id);
      },
    };
    const id = 2_000_000_002;
    const options = { url, client: counting };
    const patient = createCodec({ ...options, negativeTtlMs: MINUTE_MS }).reader('movies.v1');
    await Promise.all(Array.from({ length: 500 }, () => patient.ensureSchema(id)));
    await patient.ensureSchema(id);
    expect(asked).toBe(1);
    const hasty = createCodec({ ...options, negativeTtlMs: 0 }).reader('movies.v1');
    await hasty.ensureSchema(id);
    await hasty.ensureSchema(id);
    expect(asked).toBe(3);
  });

  it('never takes a registry that is away for an id that is unknown', async () => {
    for (const [status, body] of [
      [500, '{"error_code":50001,"message":"down"}'],
      [404, '<html>no such page</html>'],
      [404, '{"error_code":0,"message":"no resource"}'],
      [200, 'not json'],
    ] as const) {
      const server = createServer((_, response) => response.writeHead(status).end(body));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const reader = createCodec({ url: `http://127.0.0.1:${port}` }).reader('movies.v1');
      await expect(reader.ensureSchema(1)).rejects.toMatchObject({
        code: 'MARQUEE_REGISTRY_UNAVAILABLE',
        retriable: true,
      });
      expect(reader.isKnown(1)).toBe(false);
      server.close();
    }
  });
});
