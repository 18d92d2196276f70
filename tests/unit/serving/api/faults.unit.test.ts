import { afterEach, expect, it } from 'vitest';
import { MarqueeError } from '../../../../common/error.ts';
import type { Answer, Recommender } from '../../../../serving/answers/recommender.ts';
import { startTestApi } from '../../../support/serving/test-api.ts';
import type { TestApi } from '../../../support/serving/test-api.ts';
import { createTinyRecommender } from '../../../support/serving/tiny-recommender.ts';
import { until } from '../../../support/until.ts';

let test: TestApi | undefined;
afterEach(() => test?.close());

const LIST = '/v1/users/u/recommendations';

async function withFault(recommend: Recommender['recommend']): Promise<TestApi> {
  return (test = await startTestApi({
    recommender: { ...createTinyRecommender(), recommend },
    settings: { inFlightMax: 2 },
  }));
}

it('tells what the caller can mend', async () => {
  const { get } = await withFault(() =>
    Promise.reject(
      new MarqueeError('MARQUEE_ANY', 'surface "x" is not known', { field: 'surface' }),
    ),
  );
  const response = await get(`${LIST}?surface=x`);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    code: 'invalid_request',
    field: 'surface',
    detail: 'surface "x" is not known',
  });
});

it('says of a server that is away when to come back, and not which', async () => {
  const { get } = await withFault(() =>
    Promise.reject(new MarqueeError('MARQUEE_ANY', 'postgres://secret', { retriable: true })),
  );
  const response = await get(LIST);
  expect(response.status).toBe(503);
  expect(response.headers.get('retry-after')).toBe('1');
  expect(await response.text()).not.toContain('secret');
});

it('logs a fault of its own with the number that the caller is told', async () => {
  const { get, logged } = await withFault(() => {
    throw new TypeError('undefined is not a function');
  });
  const response = await get(LIST);
  expect(response.status).toBe(500);
  const told = (await response.json()) as { readonly instance: string; readonly detail: string };
  expect(told.detail).not.toContain('function');
  const line = logged.find(({ event }) => event === 'request_failed');
  expect(told.instance).toBe(`urn:marquee:request:${String(line?.['id'])}`);
  expect(line?.['reason']).toBe('undefined is not a function');
});

it('turns away what is too much at once, and goes on when there is room', async () => {
  const waiting: (() => void)[] = [];
  const api = await withFault(
    () =>
      new Promise<Answer>((resolve) => {
        waiting.push(() => resolve({ body: Buffer.from('{}'), source: 'popular' }));
      }),
  );
  const under = [api.get(LIST), api.get(LIST)];
  await until('two under way', 5_000, () => waiting.length === 2);
  const third = await api.get(LIST);
  expect(third.status).toBe(503);
  expect(third.headers.get('retry-after')).toBe('1');
  expect(await third.json()).toMatchObject({ code: 'overloaded' });
  // What is no list has its own bound, and operators always get through.
  expect((await api.post('/v1/events', { user_id: 'u', action: 'search' })).status).toBe(202);
  expect(await (await api.get('/metrics')).text()).toContain('marquee_api_in_flight 2');
  for (const done of waiting) done();
  expect((await Promise.all(under)).map(({ status }) => status)).toEqual([200, 200]);
  const fourth = api.get(LIST);
  await until('another under way', 5_000, () => waiting.length === 3);
  waiting.at(-1)?.();
  expect((await fourth).status).toBe(200);
});

it('keeps its bound when callers hang up', async () => {
  const waiting: (() => void)[] = [];
  const api = await withFault(
    () =>
      new Promise<Answer>((resolve) => {
        waiting.push(() => resolve({ body: Buffer.from('{}'), source: 'popular' }));
      }),
  );
  for (let round = 1; round <= 2; round++) {
    const leaving = new AbortController();
    const gone = api.get(LIST, undefined, { signal: leaving.signal }).catch(() => null);
    await until('it to be under way', 5_000, () => waiting.length === round);
    leaving.abort();
    await gone;
  }
  // The work goes on though nobody waits for it, so it still counts.
  expect((await api.get(LIST)).status).toBe(503);
  for (const done of waiting) done();
  const next = api.get(LIST);
  await until('room', 5_000, () => waiting.length === 3);
  waiting.at(-1)?.();
  expect((await next).status).toBe(200);
  const text = await (await api.get('/metrics')).text();
  expect(text).toMatch(/status="499",source=""} 2/);
});

it('counts by route, status and source', async () => {
  test = await startTestApi();
  await test.get(LIST);
  await test.get('/v1/popular');
  await test.get('/v1/popular?limit=0');
  await test.get('/v1/nowhere');
  const text = await (await test.get('/metrics')).text();
  for (const line of [
    'marquee_api_requests_total{route="/v1/users/:id/recommendations",status="200",source="similarity"} 1',
    'marquee_api_requests_total{route="/v1/popular",status="200",source="popular"} 1',
    'marquee_api_requests_total{route="/v1/popular",status="400",source=""} 1',
    'marquee_api_requests_total{route="none",status="404",source=""} 1',
    'marquee_api_request_seconds_count{route="/v1/popular"} 2',
  ])
    expect(text).toContain(line);
  expect(text).toMatch(/^marquee_api_event_loop_delay_p99_seconds [0-9.e-]+$/m);
});
