import { connect } from 'node:net';
import { once } from 'node:events';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApi } from '../../../support/serving/test-api.ts';
import type { TestApi } from '../../../support/serving/test-api.ts';

let test: TestApi;
let read: string;
beforeAll(async () => {
  test = await startTestApi();
  read = test.addKey({ scopes: ['read'], requestsPerSecond: 1_000_000 });
});
afterAll(() => test.close());

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly field?: string;
  readonly remedy?: string;
  readonly instance?: string;
}

async function problem(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const found = (await response.json()) as Problem;
  expect(found.status).toBe(response.status);
  expect(found.type).toBe(`urn:marquee:problem:${found.code}`);
  expect(JSON.stringify(found)).not.toMatch(/node_modules|\.ts|\bat \//);
  return found;
}

const LIST = '/v1/users/u/recommendations';

describe('keys', () => {
  it.each([
    ['none', null],
    ['another word', 'letmein'],
    ['a cut one', `mq_${'a'.repeat(12)}_${'a'.repeat(42)}`],
    ['an unknown one', `mq_${'a'.repeat(12)}_${'a'.repeat(43)}`],
  ])('asks for a key when there is %s', async (_, key) => {
    const response = await test.get(LIST, key);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="marquee"');
    expect(await problem(response)).toMatchObject({ code: 'unauthorized' });
  });

  it('refuses the right id with a wrong secret, a withdrawn key, and another scheme', async () => {
    const wrong = read.slice(0, -2) + (read.endsWith('AA') ? 'BB' : 'AA');
    expect((await test.get(LIST, wrong)).status).toBe(401);
    const withdrawn = test.addKey({ withdrawnAtMs: 1 });
    expect((await test.get(LIST, withdrawn)).status).toBe(401);
    const basic = await test.get(LIST, null, { headers: { authorization: `Basic ${read}` } });
    expect(basic.status).toBe(401);
  });

  it('tells a key of another scope what it lacks', async () => {
    const emit = test.addKey({ scopes: ['emit'] });
    const response = await test.get(LIST, emit);
    expect(response.status).toBe(403);
    const found = await problem(response);
    expect(found.code).toBe('forbidden');
    expect(found.remedy).toContain('scope read');
    expect((await test.get('/metrics', read)).status).toBe(403);
    expect((await test.post('/v1/events', {}, read)).status).toBe(403);
  });

  it('lets a key that is bound to a user read for that user alone', async () => {
    const bound = test.addKey({ userId: 'me' });
    const mine = await test.get('/v1/users/me/recommendations', bound);
    expect(mine.status).toBe(200);
    for (const path of [
      LIST,
      '/v1/users/u/rows',
      '/v1/movies/1/similar?user=u',
      '/v1/popular?user=u',
    ])
      expect((await test.get(path, bound)).status, path).toBe(403);
    const rank = await test.post('/v1/users/u/rank', { movie_ids: [1] }, bound);
    expect(rank.status).toBe(403);
    const { request_id: own } = (await mine.json()) as { request_id: string };
    const { request_id: other } = (await (await test.get(LIST)).json()) as { request_id: string };
    expect((await test.get(`/v1/explain/${own}`, bound)).status).toBe(200);
    expect((await test.get(`/v1/explain/${other}`, bound)).status).toBe(404);
    expect((await test.get(`/v1/explain/${other}`, read)).status).toBe(200);
  });

  it('refuses more than its rate, says when to come back, and counts it', async () => {
    const slow = test.addKey({ requestsPerSecond: 2, app: 'slow' });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await test.get(LIST, slow)).status);
    expect(statuses).toEqual([200, 200, 429]);
    const response = await test.get(LIST, slow);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('ratelimit-policy')).toBe('"key";q=2;w=1');
    expect(await problem(response)).toMatchObject({ code: 'rate_limited' });
    expect((await test.get(LIST, read)).status).toBe(200);
    expect(await (await test.get('/metrics')).text()).toContain(
      'marquee_api_rate_limited_total{app="slow"}',
    );
  });
});

const DEEP = '['.repeat(100) + ']'.repeat(100);
const MOVIES = Array.from({ length: 501 }, (_, n) => n + 1);
const ACTION = { movie_id: 1, action: 'view' };

describe('what is not valid', () => {
  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['limit=', 'limit'],
    ['limti=5', 'limti'],
    ['__proto__=1', '__proto__'],
    ['constructor=1', 'constructor'],
    ['surface=../../etc', 'surface'],
    ['surface=', 'surface'],
    [`exclude=${MOVIES.join(',')}`, 'exclude'],
    ['exclude=0', 'exclude.0'],
    ['exclude=1,,2', 'exclude.1'],
    ['exclude=9007199254740993', 'exclude.0'],
    ['genre=', 'genre.0'],
    ['genre=a%00b', 'genre.0'],
    ['include=rating', 'include.0'],
    ['year=94', 'year'],
    ['year=1999..1990', 'year'],
    ['year=..', 'year'],
    ['seen=maybe', 'seen'],
    ['after=1', 'after'],
    ['personalize=perhaps', 'personalize'],
  ])('names the parameter of %s', async (query, field) => {
    const response = await test.get(`${LIST}?${query}`);
    expect(response.status).toBe(400);
    expect(await problem(response)).toMatchObject({ code: 'invalid_request', field });
  });

  it.each([
    ['a byte that is no UTF-8 in a query', `${LIST}?genre=%FF`],
    ['a cut escape in a query', `${LIST}?genre=%f`],
    ['a NUL in an id', '/v1/users/a%00b/recommendations'],
    ['a byte that is no UTF-8 in an id', '/v1/users/%FF/recommendations'],
    ['half a surrogate pair in an id', '/v1/users/%ED%A0%80/recommendations'],
    ['an id that is too long', `/v1/users/${'a'.repeat(257)}/recommendations`],
    ['an id of three bytes a character', `/v1/users/${'%E2%82%AC'.repeat(257)}/recommendations`],
    ['a movie that is no number', '/v1/movies/abc/similar'],
    ['a movie below 1', '/v1/movies/0/similar'],
    ['a movie beyond all', '/v1/movies/99999999999999999999/similar'],
    ['a request_id that is none', '/v1/explain/../x'.replace('../', '%2e%2e%2f')],
    ['too many parameters', `${LIST}?${'genre=a&'.repeat(700)}`],
  ])('refuses %s', async (_, path) => {
    const response = await test.get(path);
    expect(response.status).toBe(400);
    await problem(response);
  });

  it.each([
    ['rank', 'none', undefined],
    ['rank', 'null', null],
    ['rank', 'a list', []],
    ['rank', 'no movie', { movie_ids: [] }],
    ['rank', 'too many movies', { movie_ids: MOVIES }],
    ['rank', 'a movie twice', { movie_ids: [1, 1] }],
    ['rank', 'a number as text', { movie_ids: ['1'] }],
    ['rank', 'another field', { movie_ids: [1], user: 'x' }],
    ['session', 'too many actions', { actions: Array(201).fill(ACTION) }],
    ['session', 'an unknown action', { actions: [{ ...ACTION, action: 'stare' }] }],
    ['session', 'a value out of range', { actions: [{ ...ACTION, value: 6 }] }],
    ['session', 'a value that is none', { actions: [{ ...ACTION, value: null }] }],
    ['session', 'a time that is none', { actions: [{ ...ACTION, occurred_at: -1 }] }],
  ])('refuses a body of %s that is %s', async (call, _, body) => {
    const path = call === 'rank' ? '/v1/users/u/rank' : '/v1/session/recommendations';
    const response = await test.post(path, body);
    expect(response.status).toBe(400);
    await problem(response);
  });

  it.each([
    ['no JSON', '{'],
    ['deeper than anything', DEEP],
    ['a prototype', '{"movie_ids":[1],"__proto__":{"admin":true}}'],
    ['a prototype in escapes', '{"movie_ids":[1],"\\u005f_proto__":{"admin":true}}'],
    ['a constructor', '{"movie_ids":[1],"constructor":{"prototype":{"a":1}}}'],
    ['no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a number beyond all', '{"movie_ids":[1e999]}'],
  ])('refuses a body that is %s', async (_, body) => {
    const response = await test.post('/v1/users/u/rank', null, undefined, { body });
    expect(response.status).toBe(400);
    await problem(response);
  });

  it('knows which methods a path has, and which paths there are', async () => {
    const put = await test.get(LIST, undefined, { method: 'PUT' });
    expect(put.status).toBe(405);
    expect(put.headers.get('allow')).toBe('GET');
    expect(await problem(put)).toMatchObject({ code: 'method_not_allowed' });
    const posted = await test.post('/v1/popular', {}, undefined, {
      headers: { 'content-type': 'text/xml' },
    });
    expect(posted.status).toBe(405);
    const nowhere = await test.get('/v1/nothing');
    expect(nowhere.status).toBe(404);
    await problem(nowhere);
    expect((await test.get('/healthz', null, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('sizes', () => {
  it('refuses a body of another kind', async () => {
    for (const type of ['text/xml', 'text/plain', 'application/x-www-form-urlencoded', 'a b']) {
      const response = await test.post('/v1/users/u/rank', { movie_ids: [1] }, undefined, {
        headers: { 'content-type': type },
      });
      expect(response.status, type).toBe(415);
      await problem(response);
    }
    const packed = await test.post('/v1/users/u/rank', {}, undefined, {
      headers: { 'content-encoding': 'zstd' },
    });
    expect(packed.status).toBe(415);
    await problem(packed);
  });

  it('refuses what is too large, as sent and as unpacked', async () => {
    const large = await test.post('/v1/users/u/rank', { movie_ids: 'a'.repeat(70_000) });
    expect(large.status).toBe(413);
    await problem(large);
    const zeros = Buffer.alloc(50_000_000, ' ');
    for (const [name, pack] of Object.entries({
      gzip: gzipSync,
      deflate: deflateSync,
      br: brotliCompressSync,
    })) {
      const before = process.memoryUsage().rss;
      const bomb = await test.post('/v1/events', null, undefined, {
        body: pack(zeros),
        headers: { 'content-encoding': name },
      });
      expect(bomb.status, name).toBe(413);
      await problem(bomb);
      expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
    }
  });

  it('refuses what is packed wrongly', async () => {
    const response = await test.post('/v1/events', {}, undefined, {
      headers: { 'content-encoding': 'gzip' },
    });
    expect(response.status).toBe(400);
    await problem(response);
  });

  it('refuses a URL that is too long', async () => {
    const response = await test.get(`${LIST}?genre=${'a'.repeat(20_000)}`);
    expect(response.status).toBe(431);
    const found = (await response.json()) as Problem;
    expect(found.code).toBe('headers_too_large');
  });

  it.each([
    ['words', 'hello\r\n\r\n'],
    [
      'two lengths',
      'POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    ],
    [
      'a length and chunks',
      'POST /v1/events HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['a NUL in a header', 'GET /healthz HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n'],
  ])('ends a connection that brings %s', async (_, bytes) => {
    const socket = connect(Number(new URL(test.url).port), '127.0.0.1');
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.write(bytes);
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

it('logs no user, no key and no query', async () => {
  await test.get('/v1/users/somebody-secret/recommendations?genre=secret-genre', read);
  await test.get('/v1/users/somebody-secret/recommendations?limit=x', read);
  const text = JSON.stringify(test.logged);
  expect(text).toContain('/v1/users/:id/recommendations');
  expect(text).not.toContain('secret');
  expect(text).not.toContain(read.slice(3));
});
