import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApi } from '../../../support/serving/test-api.ts';
import type { TestApi } from '../../../support/serving/test-api.ts';

let test: TestApi;
beforeAll(async () => {
  test = await startTestApi();
});
afterAll(() => test.close());

/** Percent encoding of any bytes, valid UTF-8 or not. */
const encoded = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Array.from(bytes, (b) => `%${b.toString(16).padStart(2, '0')}`).join(''));
const raw = fc.string({
  unit: fc.constantFrom(...Array.from('abc019%&=+,;.~-_@:!$()*/?')),
  maxLength: 30,
});
const part = fc.oneof(encoded, raw);
const name = fc.constantFrom(
  ...['surface', 'limit', 'exclude', 'genre', 'year', 'seen', 'after', 'include', 'personalize'],
  ...['user', 'rows', '__proto__', 'toString', ''],
);
const query = fc.array(fc.tuple(fc.oneof(name, part), part), { maxLength: 6 });
const path = fc.oneof(
  part.map((id) => `/v1/users/${id}/recommendations`),
  part.map((id) => `/v1/users/${id}/rows`),
  part.map((id) => `/v1/movies/${id}/similar`),
  part.map((id) => `/v1/explain/${id}`),
  fc.constant('/v1/popular'),
  part.map((text) => `/${text}`),
);
const RUNS = { numRuns: 400 };

it('answers every GET with 200 or a problem of the caller', async () => {
  await fc.assert(
    fc.asyncProperty(path, query, async (at, pairs) => {
      const url = `${at}?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`;
      const response = await test.api.app.inject({
        method: 'GET',
        url: url.replaceAll(/^\/+/g, '/'),
        headers: { authorization: `Bearer ${admin()}` },
      });
      expect(response.statusCode, url).toBeLessThan(500);
    }),
    RUNS,
  );
});

it('answers every body with 2xx or a problem of the caller', async () => {
  const field = fc.oneof(
    fc.constantFrom('events', 'user_id', 'action', 'movie_id', 'value', 'occurred_at', 'sent_at'),
    fc.constantFrom('event_id', 'properties', 'movie_ids', 'actions', 'key', 'app', '__proto__'),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('view', 'rate', 'u', '2026-11-20T12:00:00Z', 1, 0.5, -1, 2 ** 53, null, true),
      fc.double(),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(field, tie('value'), { maxKeys: 6 }),
    ),
  }));
  const target = fc.constantFrom('/v1/events', '/v1/users/u/rank', '/v1/session/recommendations');
  const type = fc.constantFrom('application/json', 'text/plain', 'application/json; charset=x');
  await fc.assert(
    fc.asyncProperty(target, type, value, async (url, contentType, body) => {
      const response = await test.api.app.inject({
        method: 'POST',
        url,
        headers: { authorization: `Bearer ${admin()}`, 'content-type': contentType },
        payload: JSON.stringify(body),
      });
      expect(response.statusCode, JSON.stringify(body)).toBeLessThan(500);
    }),
    RUNS,
  );
});

it('answers every header and every bytes of a body likewise', async () => {
  const header = fc.string({
    unit: fc.constantFrom(...Array.from('aZ09 ,;=/"\'*\\-_.')),
    maxLength: 30,
  });
  const encoding = fc.oneof(fc.constantFrom('gzip', 'br', 'deflate', 'identity', ''), header);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array(), header, encoding, async (bytes, text, packed) => {
      const response = await test.api.app.inject({
        method: 'POST',
        url: '/v1/events',
        headers: {
          authorization: text.length % 2 === 0 ? `Bearer ${admin()}` : `Bearer ${text}`,
          'content-type': text.length % 3 === 0 ? 'application/json' : text,
          'content-encoding': packed,
        },
        payload: Buffer.from(bytes),
      });
      expect(response.statusCode).toBeLessThan(500);
    }),
    RUNS,
  );
});

let key: string | undefined;
function admin(): string {
  return (key ??= test.addKey({ scopes: ['admin'], requestsPerSecond: 1_000_000 }));
}
