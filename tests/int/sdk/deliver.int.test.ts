import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCodec } from '../../../connectors/registry/codec.ts';
import { partitionOf } from '../../../common/partitioner.ts';
import { TOPICS } from '../../../schemas/generated/topics.ts';
import { formatUuid } from '../../../common/uuid.ts';
import { createProducer } from '../../../sdk/src/index.ts';
import type { Producer } from '../../../sdk/src/index.ts';
import { createPublisher } from '../../../sdk/src/publisher.ts';
import type { Publisher } from '../../../sdk/src/publisher.ts';
import { sharedStack } from '../../support/shared-stack.ts';
import { readTopic } from './read-topic.ts';

const { config } = sharedStack();
const { brokers } = config.kafka;
const registryUrl = config.registry.url;
const app = `deliver-${randomUUID().slice(0, 8)}`;

/** What the app emitted, as the codec reads it back. */
async function readActions() {
  const reader = createCodec({ url: registryUrl }).reader('user-actions.v1');
  const found = [];
  for (const { value, key, partition } of await readTopic(brokers, 'user-actions.v1')) {
    if (value === null || value.length < 5 || value[0] !== 0) continue;
    await reader.ensureSchema(value.readInt32BE(1));
    const action = reader.decode(value);
    if ('reason' in action || action.app !== app) continue;
    found.push({ action, key: key?.toString(), partition });
  }
  return found;
}

describe('createProducer', () => {
  let producer: Producer;

  beforeAll(async () => {
    producer = createProducer({ app, appVersion: '9.1', device: 'tv', brokers, registryUrl });
    await producer.ready;
  });

  afterAll(async () => {
    await producer.close();
  });

  it('brings each kind of action to the topic as it was emitted', async () => {
    const userId = `kinds-${app}`;
    const served = producer.serve({ userId, movieIds: [7, 8], source: 'batch', algorithm: 'als' });
    const fields = { userId, movieId: 7 };
    const emitted = [
      producer.impression({ ...fields, requestId: served.requestId, position: 1 }),
      producer.view(fields),
      producer.click({ ...fields, requestId: served.requestId, position: 2 }),
      producer.play({ ...fields, value: 0.25 }),
      producer.progress({ ...fields, value: 0.5 }),
      producer.complete(fields),
      producer.rate({ ...fields, value: 4.5, properties: { screen: 'ende 🎬' } }),
      producer.like(fields),
      producer.dislike(fields),
      producer.listAdd(fields),
      producer.listRemove(fields),
      producer.share(fields),
      producer.search({ userId, properties: { query: 'heist' } }),
      producer.emit({ action: 'view', userId, movieId: 9 }),
    ];
    await Promise.all([served.delivered, ...emitted.map(({ delivered }) => delivered)]);
    const found = (await readActions()).filter(({ action }) => action.user_id === userId);
    expect(found.map(({ action }) => formatUuid(action.event_id))).toEqual(
      emitted.map(({ eventId }) => eventId),
    );
    expect(found.map(({ action }) => [action.action, action.value])).toEqual([
      ['impression', null],
      ['view', null],
      ['click', null],
      ['play', 0.25],
      ['progress', 0.5],
      ['complete', null],
      ['rate', 4.5],
      ['like', null],
      ['dislike', null],
      ['list_add', null],
      ['list_remove', null],
      ['share', null],
      ['search', null],
      ['view', null],
    ]);
    expect(found[6]?.action.properties).toEqual({ screen: 'ende 🎬' });
    expect(found[12]?.action.movie_id).toBeNull();
    const requestId = found[0]?.action.request_id;
    expect(requestId && formatUuid(requestId)).toBe(served.requestId);
    for (const { action, key, partition } of found) {
      expect([action.app_version, action.device, key]).toEqual(['9.1', 'tv', userId]);
      expect(partition).toBe(partitionOf(userId, TOPICS['user-actions.v1'].partitions));
    }
  });

  it('keeps the order of each user, and loses and doubles nothing', async () => {
    const users = Array.from({ length: 40 }, (_, n) => `order-${String(n)}-${app}`);
    const each = 250;
    for (let n = 0; n < each; n += 1) {
      for (const userId of users) producer.view({ userId, movieId: n + 1 });
    }
    await producer.flush();
    const found = await readActions();
    for (const userId of users) {
      const movies = found
        .filter(({ action }) => action.user_id === userId)
        .map(({ action }) => action.movie_id);
      expect(movies).toEqual(Array.from({ length: each }, (_, n) => n + 1));
    }
    const { queued, acked, failed, buffered } = producer.counts();
    expect({ acked, failed, buffered }).toEqual({ acked: queued, failed: 0, buffered: 0 });
  });

  it('resolves a flush although others go on emitting', async () => {
    const userId = `flush-${app}`;
    const enough = new AbortController();
    const emitter = (async () => {
      while (!enough.signal.aborted) {
        producer.view({ userId, movieId: 1 });
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    const mark = producer.view({ userId, movieId: 999 });
    let delivered = false;
    void mark.delivered.then(() => (delivered = true));
    await producer.flush();
    expect(delivered).toBe(true);
    enough.abort();
    await emitter;
  });
});

describe('createPublisher', () => {
  let publisher: Publisher;

  beforeAll(() => {
    publisher = createPublisher({ brokers, registryUrl, clientId: 'test-publisher' }, []);
  });

  afterAll(async () => {
    await publisher.close();
  });

  it('writes records, tombstones and bytes with headers', async () => {
    const key = String(4_000_000 + Math.floor(Math.random() * 1_000_000));
    const movie = {
      movie_id: Number(key),
      title: 'Ünter',
      year: 1999,
      genres: ['Drama'],
      tags: [],
      imdb_id: null,
      tmdb_id: 9_007_199_254_740_991,
      updated_at: Date.UTC(2026, 0, 1),
    };
    const raw = Buffer.alloc(2_000_000, 'x');
    await Promise.all([
      publisher.publish('movies.v1', key, movie).delivered,
      publisher.publish('movies.v1', key, null).delivered,
      publisher.publishBytes('dead-letters.v1', Buffer.from(key), raw, { why: Buffer.from('test') })
        .delivered,
    ]);
    const movies = await readTopic(brokers, 'movies.v1');
    const own = movies.filter((record) => record.key?.toString() === key);
    expect(own.map(({ value }) => value === null)).toEqual([false, true]);
    const reader = createCodec({ url: registryUrl }).reader('movies.v1');
    const bytes = own[0]?.value ?? Buffer.alloc(0);
    await reader.ensureSchema(bytes.readInt32BE(1));
    expect(reader.decode(bytes)).toEqual(movie);
    const letters = await readTopic(brokers, 'dead-letters.v1');
    const letter = letters.find((record) => record.key?.toString() === key);
    expect(letter?.headers).toEqual({ why: 'test' });
    expect(letter?.value?.equals(raw)).toBe(true);
  });

  it('fails what is larger than the topic takes, and goes on', async () => {
    const huge = publisher.publishBytes('movies.v1', Buffer.from('1'), randomBytes(3_000_000));
    await expect(huge.delivered).rejects.toMatchObject({ code: 'MARQUEE_EVENT_REFUSED' });
    await publisher.publishBytes('movies.v1', Buffer.from('1'), null).delivered;
  });

  it('says by field what does not fit the schema', () => {
    const broken = { user_id: 'u', profile_version: 'one', changed_at: 1 } as never;
    expect(() => publisher.publish('profile-changes.v1', 'u', broken)).toThrow(
      expect.objectContaining({ code: 'MARQUEE_ENCODE_FAILED' }),
    );
  });
});

/** Compression must not make it small. */
function randomBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += 4)
    bytes.writeUInt32LE(Math.floor(Math.random() * 2 ** 32), at);
  return bytes;
}
