import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { repositoryRoot } from '../../../../cli/config/config.ts';
import { PROBLEMS } from '../../../../serving/api/http/problem.ts';
import { startTestApi } from '../../../support/serving/test-api.ts';
import type { TestApi } from '../../../support/serving/test-api.ts';

interface Page {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

let test: TestApi;
let page: Page;
beforeAll(async () => {
  test = await startTestApi();
  page = (await (await test.get('/openapi.json', null)).json()) as Page;
});
afterAll(() => test.close());

it('is checked in as it is answered (after a change: vitest -u, and look at the diff)', async () => {
  const text = await (await test.get('/openapi.json', null)).text();
  await expect(text).toMatchFileSnapshot('../../../../serving/api/openapi.json');
  expect(page.openapi).toBe('3.1.0');
});

it('has every answer of the server, and each is as it says', async () => {
  const ajv = new Ajv2020({ strict: false });
  const list = await test.get('/v1/users/u/recommendations');
  const { request_id: id } = (await list.clone().json()) as { readonly request_id: string };
  const event = { user_id: 'u', action: 'view', movie_id: 1 };
  const wrong = { ...event, movie_id: 0 };
  const limited = test.addKey({ requestsPerSecond: 1 });
  await test.get('/v1/popular', limited);
  const answers: [string, string, Response][] = [
    ['get', '/v1/users/{id}/recommendations', list],
    ['get', '/v1/users/{id}/recommendations', await test.get('/v1/users/u/recommendations', null)],
    ['get', '/v1/users/{id}/rows', await test.get('/v1/users/u/rows')],
    ['post', '/v1/users/{id}/rank', await test.post('/v1/users/u/rank', { movie_ids: [1] })],
    ['post', '/v1/users/{id}/rank', await test.post('/v1/users/u/rank', {})],
    [
      'post',
      '/v1/session/recommendations',
      await test.post('/v1/session/recommendations', { actions: [] }),
    ],
    ['get', '/v1/movies/{id}/similar', await test.get('/v1/movies/1/similar')],
    ['get', '/v1/popular', await test.get('/v1/popular')],
    ['get', '/v1/popular', await test.get('/v1/popular', limited)],
    ['get', '/v1/explain/{request_id}', await test.get(`/v1/explain/${id}`)],
    ['get', '/v1/explain/{request_id}', await test.get(`/v1/explain/${id.replace(/^./, 'f')}`)],
    ['post', '/v1/events', await test.post('/v1/events', event)],
    ['post', '/v1/events', await test.post('/v1/events', { events: [event, wrong] })],
    ['post', '/v1/events', await test.post('/v1/events', wrong)],
    ['get', '/healthz', await test.get('/healthz', null)],
    ['get', '/readyz', await test.get('/readyz', null)],
    ['get', '/metrics', await test.get('/metrics')],
    ['get', '/openapi.json', await test.get('/openapi.json', null)],
  ];
  for (const [method, path, response] of answers) {
    const place = `${method} ${path} ${response.status}`;
    const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
    const schema = page.paths[path]?.[method]?.responses[response.status]?.content?.[type]?.schema;
    expect(schema, `${place} ${type}`).toBeDefined();
    const text = await response.text();
    const check = ajv.compile(schema ?? {});
    check(type.endsWith('json') ? JSON.parse(text) : text);
    expect(check.errors, place).toBeNull();
  }
  const said = Object.entries(page.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method} ${path}`),
  );
  expect(new Set(answers.map(([method, path]) => `${method} ${path}`))).toEqual(new Set(said));
});

it('has its problems in the documentation, each with its status', () => {
  const docs = readFileSync(join(repositoryRoot, 'docs/api.md'), 'utf8');
  const rows = [...docs.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \|/gm)];
  const documented = rows.map(([, code, status]) => [code, Number(status)]);
  const known = Object.entries(PROBLEMS).map(([code, { status }]) => [code, status]);
  expect(documented.sort()).toEqual(known.sort());
});

it('caches what is for all, and nothing that is for one', async () => {
  const cache = async (path: string): Promise<string | null> =>
    (await test.get(path)).headers.get('cache-control');
  expect(await cache('/v1/popular')).toBe('public, max-age=60');
  expect(await cache('/v1/movies/1/similar')).toBe('public, max-age=60');
  expect(await cache('/v1/popular?user=u')).toBe('private, no-store');
  expect(await cache('/v1/movies/1/similar?user=u')).toBe('private, no-store');
  expect(await cache('/v1/users/u/rows')).toBe('private, no-store');
  expect(await cache('/readyz')).toBe('no-store');
});
