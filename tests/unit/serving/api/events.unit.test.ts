import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatUuid, uuidTimeMs, uuidv7 } from '../../../../common/uuid.ts';
import { HOUR_MS, MINUTE_MS } from '../../../../common/time.ts';
import { startTestApi } from '../../../support/serving/test-api.ts';
import type { TestApi } from '../../../support/serving/test-api.ts';

let test: TestApi;
let emit: string;
beforeAll(async () => {
  test = await startTestApi();
  emit = test.addKey({ scopes: ['emit'], app: 'tv', requestsPerSecond: 1_000_000 });
});
afterAll(() => test.close());
beforeEach(() => {
  test.events.fault = null;
});

interface Results {
  readonly code?: string;
  readonly accepted: number;
  readonly refused: number;
  readonly received_at: number;
  readonly results: readonly {
    readonly event_id: string | null;
    readonly status: number;
    readonly recorded_id?: string;
    readonly code?: string;
    readonly field?: string;
  }[];
}

const send = (body: unknown, key: string | null = emit, init: RequestInit = {}) =>
  test.post('/v1/events', body, key, init);
const results = async (response: Response): Promise<Results> => (await response.json()) as Results;
const idAt = (ms: number): string => formatUuid(uuidv7(ms));
const view = { user_id: 'u', action: 'view', movie_id: 1 };
const last = () => test.events.stored.at(-1);

describe('one event', () => {
  it('is stored as it was said, under the app of the key', async () => {
    const at = Date.now() - 500;
    const id = idAt(at);
    const response = await send({
      event_id: id,
      user_id: 'u-1',
      action: 'rate',
      movie_id: 296,
      value: 4.5,
      occurred_at: new Date(at).toISOString(),
      session_id: 's',
      request_id: '01A1FA6F-e6c0-7ec3-a19e-af9dad0e4a94',
      position: 2,
      device: 'tv',
      app_version: '4.2',
      properties: { screen: 'ende 🎬' },
    });
    expect(response.status).toBe(202);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect((await results(response)).results).toEqual([{ event_id: id, status: 202 }]);
    const { event_id: stored, request_id: request, ...rest } = last() ?? {};
    expect(formatUuid(stored as Buffer)).toBe(id);
    expect(formatUuid(request as Buffer)).toBe('01a1fa6f-e6c0-7ec3-a19e-af9dad0e4a94');
    expect(rest).toEqual({
      user_id: 'u-1',
      action: 'rate',
      movie_id: 296,
      value: 4.5,
      occurred_at: at,
      session_id: 's',
      position: 2,
      device: 'tv',
      app: 'tv',
      app_version: '4.2',
      properties: { screen: 'ende 🎬' },
    });
  });

  it('happened now when it says no time, and gets an id of that time', async () => {
    const before = Date.now();
    const { results: found } = await results(await send(view));
    const at = last()?.occurred_at ?? 0;
    expect(at).toBeGreaterThanOrEqual(before);
    expect(found[0]?.event_id).toBe(formatUuid(last()?.event_id ?? Buffer.alloc(16)));
    expect(uuidTimeMs(last()?.event_id ?? Buffer.alloc(16))).toBe(at);
  });

  it.each([
    ['no object', [1], 'invalid_request'],
    ['a number', 1, 'invalid_request'],
    ['no user', { action: 'view', movie_id: 1 }, 'events_refused'],
    ['an empty user', { ...view, user_id: '' }, 'events_refused'],
    ['a user with NUL', { ...view, user_id: 'a\0' }, 'events_refused'],
    ['half a surrogate', { ...view, user_id: '\ud800' }, 'events_refused'],
    ['an unknown action', { ...view, action: 'stare' }, 'events_refused'],
    ['an action of the prototype', { ...view, action: 'constructor' }, 'events_refused'],
    ['no movie', { ...view, movie_id: null }, 'events_refused'],
    ['a movie as text', { ...view, movie_id: '1' }, 'events_refused'],
    ['a value too much', { ...view, action: 'rate', value: 5.5 }, 'events_refused'],
    ['a value where none is', { ...view, value: 1 }, 'events_refused'],
    ['an id that is none', { ...view, event_id: 'x' }, 'events_refused'],
    ['an id of version 4', { ...view, event_id: crypto.randomUUID() }, 'events_refused'],
    [
      'an id of another time',
      { ...view, event_id: idAt(Date.now() - 500), occurred_at: Date.now() - 6 },
      'events_refused',
    ],
    ['a time without zone', { ...view, occurred_at: '2026-11-20T12:00:00' }, 'events_refused'],
    ['a day that is none', { ...view, occurred_at: '2026-02-30T12:00:00Z' }, 'events_refused'],
    ['a time before 1970', { ...view, occurred_at: -1 }, 'events_refused'],
    ['a time of no end', { ...view, occurred_at: 1e300 }, 'events_refused'],
    ['the future', { ...view, occurred_at: Date.now() + HOUR_MS }, 'events_refused'],
    ['another app', { ...view, app: 'web' }, 'events_refused'],
    ['a field that is none', { ...view, colour: 'red' }, 'events_refused'],
    ['properties that are no text', { ...view, properties: { a: 1 } }, 'events_refused'],
    ['a position of 0', { ...view, position: 0 }, 'events_refused'],
    ['too much', { ...view, properties: { a: 'x'.repeat(40_000) } }, 'events_refused'],
    ['a time of sending that is none', { ...view, sent_at: 'now' }, 'invalid_request'],
    ['no events', { events: [] }, 'invalid_request'],
    ['too many events', { events: Array(501).fill(view) }, 'invalid_request'],
    ['events that are no list', { events: view }, 'invalid_request'],
    ['more beside events', { events: [view], user_id: 'u' }, 'invalid_request'],
  ])('is refused for good when it is or has %s', async (_, body, code) => {
    const before = test.events.stored.length;
    const response = await send(body);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('problem+json');
    expect(await response.json()).toMatchObject({ code, status: 400 });
    expect(test.events.stored).toHaveLength(before);
  });
});

describe('a batch', () => {
  it('says of each what became of it, in their order', async () => {
    const ids = [idAt(Date.now()), idAt(Date.now()), idAt(Date.now())];
    const response = await send({
      events: [
        { ...view, event_id: ids[0] },
        { ...view, event_id: ids[1], action: 'rate' },
        { ...view, event_id: ids[2] },
      ],
    });
    expect(response.status).toBe(207);
    expect(await results(response)).toMatchObject({
      accepted: 2,
      refused: 1,
      results: [
        { event_id: ids[0], status: 202 },
        { event_id: ids[1], status: 400, code: 'missing_field', field: 'value' },
        { event_id: ids[2], status: 202 },
      ],
    });
  });

  it('is read in whatever it is packed in', async () => {
    const body = gzipSync(JSON.stringify({ events: [view, view] }));
    const headers = { 'content-encoding': 'gzip' };
    expect((await send(null, emit, { body, headers })).status).toBe(202);
  });

  it('is to be sent again when its events are not known to be stored', async () => {
    test.events.fault = 'away';
    const response = await send({ events: [view, { ...view, action: 'stare' }] });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    const found = await results(response);
    expect(found.code).toBe('not_stored');
    expect(found.results.map(({ status }) => status)).toEqual([503, 400]);
  });

  it('is turned away whole while the buffer is full', async () => {
    const before = test.events.stored.length;
    test.events.fault = 'full';
    const response = await send({ events: [view] });
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'buffer_full' });
    expect(test.events.stored).toHaveLength(before);
  });

  it('of a key that is bound to a user is of that user alone', async () => {
    const bound = test.addKey({ scopes: ['emit'], userId: 'me' });
    const response = await send({ events: [view, { ...view, user_id: 'me' }] }, bound);
    expect(response.status).toBe(207);
    expect((await results(response)).results).toMatchObject([{ code: 'wrong_user' }, {}]);
  });
});

describe('a wrong clock', () => {
  it.each([
    ['two hours slow', -2 * HOUR_MS],
    ['two hours fast', 2 * HOUR_MS],
    ['years slow', -20 * 365 * 24 * HOUR_MS],
  ])('that is %s is corrected by the time of sending', async (_, offMs) => {
    const now = Date.now();
    const happened = now - MINUTE_MS;
    const id = idAt(happened + offMs);
    const response = await send({ events: [{ ...view, event_id: id }], sent_at: now + offMs });
    const [result] = (await results(response)).results;
    const stored = last()?.occurred_at ?? 0;
    // In whole minutes, never into the future.
    expect(stored).toBeLessThanOrEqual(happened + 1_000);
    expect(stored).toBeGreaterThan(happened - MINUTE_MS);
    expect(result?.event_id).toBe(id);
    expect(result?.recorded_id).toBe(formatUuid(last()?.event_id ?? Buffer.alloc(16)));
    expect(uuidTimeMs(last()?.event_id ?? Buffer.alloc(16))).toBe(stored);
  });

  it('gives a batch that is sent again the same ids', async () => {
    const off = 3 * HOUR_MS + 12_345;
    const id = idAt(Date.now() - off);
    const recorded = [];
    for (const lateMs of [0, 59_000, 61_000, 200_000]) {
      const body = { ...view, event_id: id, sent_at: Date.now() - off - lateMs };
      recorded.push((await results(await send(body))).results[0]?.recorded_id);
    }
    expect(new Set(recorded).size).toBe(1);
    expect(recorded[0]).toBeDefined();
  });

  it('is left alone when it is off by no more than the way may take', async () => {
    const at = Date.now() - MINUTE_MS;
    await send({ ...view, occurred_at: at, sent_at: Date.now() - 10_000 });
    expect(last()?.occurred_at).toBe(at);
  });
});

describe('a beacon', () => {
  const text = { headers: { 'content-type': 'text/plain;charset=UTF-8' } };

  it('brings its key in the body', async () => {
    const response = await send({ events: [view], key: emit }, null, text);
    expect(response.status).toBe(202);
    expect(last()?.app).toBe('tv');
    expect((await send({ ...view, key: emit }, null)).status).toBe(202);
  });

  it('may not bring a key that does more than emit, none, or two', async () => {
    const more = test.addKey({ scopes: ['emit', 'read'] });
    expect((await send({ ...view, key: more }, null, text)).status).toBe(403);
    expect((await send({ ...view }, null, text)).status).toBe(401);
    expect((await send({ ...view, key: 'x' }, null, text)).status).toBe(401);
    expect((await send({ ...view, key: 5 }, null, text)).status).toBe(400);
    expect((await send({ ...view, key: emit }, emit, text)).status).toBe(400);
  });

  it('has the rate of its key', async () => {
    const slow = test.addKey({ scopes: ['emit'], requestsPerSecond: 1 });
    expect((await send({ ...view, key: slow }, null, text)).status).toBe(202);
    expect((await send({ ...view, key: slow }, null, text)).status).toBe(429);
  });

  it('is no larger than a browser makes one', async () => {
    const fields = { ...view, properties: { a: 'x'.repeat(700) } };
    const events = Array.from({ length: 100 }, () => fields);
    expect((await send({ events, key: emit }, null, text)).status).toBe(413);
    expect((await send({ events }, emit, text)).status).toBe(202);
  });

  it('never brings one in the URL', async () => {
    const response = await test.post(`/v1/events?key=${emit}`, view, null);
    expect(response.status).toBe(401);
  });
});
