import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRecommender } from '../../../cli/serving/open-recommender.ts';
import type { OpenRecommender } from '../../../cli/serving/open-recommender.ts';
import { createProducer } from '../../../sdk/src/producer.ts';
import type { Producer } from '../../../sdk/src/producer.ts';
import { redisKey } from '../../../serving/cache/list-cache.ts';
import {
  explanation,
  recommendationList,
  recommendationRows,
} from '../../../serving/api/routes/answers.ts';
import type { AnswerBody, ListQuery } from '../../../serving/answers/recommender.ts';
import { PROCESSORS } from '../../../streams/index.ts';
import { parseAnswer } from '../../support/serving/answer-body.ts';
import { loadHandMade } from '../../support/serving/load-model.ts';
import { startEnvironment } from '../../support/streams/environment.ts';
import type { Environment, Running } from '../../support/streams/environment.ts';
import { until } from '../../support/until.ts';

/** Movies 1 to 60; who likes 1 likes 2 to 11, who likes 21 likes 22 to 31. */
const MOVIES = Array.from({ length: 60 }, (_, i) => i + 1);
const neighbours = [1, 21].flatMap((movieId) =>
  Array.from({ length: 10 }, (_, i) => ({ movieId, otherId: movieId + 1 + i, weight: 1 - i / 20 })),
);

interface AnswerJson {
  readonly request_id: string;
  readonly source: string;
  readonly user_id: string | null;
  readonly model_version: string | null;
  readonly items: readonly {
    readonly movie_id: number;
    readonly reason: { readonly kind: string; readonly movie_id?: number };
  }[];
}

const question: Omit<ListQuery, 'userId' | 'startedAt'> = {
  app: 'test',
  surface: null,
  limit: 10,
  include: [],
  filter: { exclude: [], genres: [], yearFrom: null, yearTo: null },
  seen: null,
  after: null,
  personalize: true,
};

let environment: Environment;
let running: Running;
let serving: OpenRecommender;
let producer: Producer;
let home: string;
let redis: Redis;

beforeAll(async () => {
  environment = await startEnvironment({ redis: true });
  home = mkdtempSync(join(tmpdir(), 'marquee-loop-'));
  const { config, codec } = environment;
  const writer = await codec.writer('movies.v1');
  const listed = MOVIES.map((movie_id) => ({
    key: String(movie_id),
    value: writer.encode({
      movie_id,
      title: `Movie ${movie_id}`,
      year: 1990,
      genres: ['Drama'],
      tags: [],
      imdb_id: null,
      tmdb_id: null,
      updated_at: Date.now(),
    }),
  }));
  await environment.send('movies.v1', listed);
  await loadHandMade(environment.db, {
    version: '20261127T020000Z',
    popularity: new Map(MOVIES.map((id) => [id, 100 - id])),
    neighbours,
    lists: new Map([['batch-only', [41, 42, 43]]]),
  });
  const processors = Object.values(PROCESSORS);
  running = await environment.run(processors);
  await environment.caughtUp([PROCESSORS['movies'] as (typeof processors)[number]]);
  serving = await openRecommender({ ...config, home, log: { level: 'warn' } }, new Registry());
  redis = new Redis(config.redis.url);
  producer = createProducer({
    app: 'test',
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
  });
});

afterAll(async () => {
  redis.disconnect();
  await producer.close();
  await serving.close();
  await running.stop();
  await environment.close();
  rmSync(home, { recursive: true });
});

async function ask(userId: string, more: Partial<ListQuery> = {}): Promise<AnswerJson> {
  const { body } = await serving.recommender.recommend({
    ...question,
    userId,
    startedAt: performance.now(),
    ...more,
  });
  return parseAnswer({ body }) as AnswerJson;
}

async function listInRedis(userId: string): Promise<void> {
  await until(`a list of ${userId} in Redis`, 10_000, async () => {
    const key = redisKey({ userId, surface: 'home', arm: null });
    return (await redis.exists(key)) === 1;
  });
}

const ids = (answer: AnswerJson): number[] => answer.items.map((item) => item.movie_id);

describe('the whole loop', () => {
  it('an action changes the list in Redis, which is served with its reason, logged and answered', async () => {
    const before = await ask('zoe');
    expect([before.source, before.items.length]).toEqual(['popular', 10]);
    await producer.rate({ userId: 'ann', movieId: 1, value: 5 }).delivered;
    // Not by asking: what was served without a response would sink in the list.
    await listInRedis('ann');
    const served = await ask('ann');
    expect(served.source).toBe('cache');
    expect(ids(served)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(served.items[0]?.reason).toEqual({ kind: 'because_you', movie_id: 1 });

    const click = producer.click({
      userId: 'ann',
      movieId: 2,
      requestId: served.request_id,
      position: 1,
    });
    await click.delivered;
    const rows = await until('serve and answer in the tables', 20_000, async () => {
      const found = await environment.db.query<{
        source: string;
        movies: string[];
        reasons: string[];
        clicked: string;
      }>(
        `SELECT l.source, l.movie_ids::text[] AS movies, l.reasons, f.movie_id::text AS clicked
           FROM recommendation_logs l JOIN recommendation_feedback f USING (request_id)
          WHERE l.request_id = $1`,
        [served.request_id],
      );
      return found.length > 0 && found;
    });
    expect(rows).toEqual([
      {
        source: 'cache',
        movies: ids(served).map(String),
        reasons: ids(served).map(() => 'because_you:1'),
        clicked: '2',
      },
    ]);
  });

  it('each act on a movie makes the list anew', async () => {
    const key = redisKey({ userId: 'max', surface: 'home', arm: null });
    const version = async () => (await redis.getBuffer(key))?.readDoubleBE(12) ?? 0;
    const emit = [
      () => producer.rate({ userId: 'max', movieId: 1, value: 5 }),
      () => producer.click({ userId: 'max', movieId: 2 }),
      () => producer.view({ userId: 'max', movieId: 2 }),
      () => producer.rate({ userId: 'max', movieId: 21, value: 5 }),
    ];
    for (const [i, one] of emit.entries()) {
      await one().delivered;
      await until(`version ${i + 1}`, 10_000, async () => (await version()) === i + 1, version);
    }
  });

  it('a page after another repeats nothing, of the same user alone', async () => {
    const first = await ask('ann', { limit: 8 });
    const second = await ask('ann', { limit: 8, after: first.request_id });
    expect(new Set([...ids(first), ...ids(second)]).size).toBe(16);
    await expect(ask('bob', { after: first.request_id })).rejects.toMatchObject({
      code: 'MARQUEE_REQUEST_UNKNOWN',
    });
  });

  it('who has no profile gets the nightly list, and without one what is popular', async () => {
    const nightly = await ask('batch-only', { limit: 3 });
    expect([nightly.source, ids(nightly)]).toEqual(['batch', [41, 42, 43]]);
    expect((await ask('nobody')).source).toBe('popular');
  });

  it('answers as the OpenAPI page says', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const { recommender } = serving;
    const plain = { ...question, userId: 'ann', startedAt: performance.now() };
    const list = await recommender.recommend({ ...plain, include: ['title', 'year', 'genres'] });
    const { request_id: requestId } = parseAnswer(list) as AnswerJson;
    const acts = [{ movieId: 1, action: 'rate', value: 5, at: null }];
    const lists = [
      list,
      await recommender.recommend({ ...plain, personalize: false }),
      await recommender.rank({ ...plain, movieIds: [60, 2, 999] }),
      await recommender.session({ ...plain, actions: acts }),
      await recommender.similar({ ...plain, movieId: 1, userId: null }),
      await recommender.popular({ ...plain, userId: 'ann' }),
    ];
    const holds = (schema: object, answer: { readonly body: AnswerBody } | null): void => {
      expect(ajv.validate(schema, answer && parseAnswer(answer)), ajv.errorsText()).toBe(true);
    };
    for (const answer of lists) holds(recommendationList, answer);
    holds(recommendationRows, await recommender.rows({ ...plain, rows: 4 }));
    holds(explanation, await recommender.explain(requestId));
    const [, , ranked, session, similar] = lists.map((answer) => parseAnswer(answer) as AnswerJson);
    expect(ids(ranked as AnswerJson)).toEqual([2, 60]);
    expect(ids(session as AnswerJson).slice(0, 3)).toEqual([2, 3, 4]);
    expect(ids(similar as AnswerJson).slice(0, 3)).toEqual([2, 3, 4]);
  });

  it('a movie that is withdrawn is in no list within 5 s', async () => {
    await producer.rate({ userId: 'eve', movieId: 21, value: 5 }).delivered;
    await listInRedis('eve');
    expect(ids(await ask('eve'))).toContain(22);
    await environment.send('movies.v1', [{ key: '22', value: null }]);
    await until('movie 22 gone', 5_000, async () => !ids(await ask('eve')).includes(22));
  });

  it('vectors follow what users do, and everybody’s the model', async () => {
    const load = (version: string, turn: number): Promise<void> =>
      loadHandMade(environment.db, {
        version,
        popularity: new Map(MOVIES.map((id) => [id, 100 - id])),
        neighbours,
        vectors: new Map(MOVIES.map((id) => [id, [Math.sin(id + turn), Math.cos(id + turn)]])),
      });
    const vectorOf = async (userId: string, model: string): Promise<string> => {
      const [row] = await until(`a vector of ${userId} by ${model}`, 20_000, async () => {
        const rows = await environment.db.query<{ vector: string }>(
          `SELECT preference_vector::text AS vector FROM user_profiles
            WHERE user_id = $1 AND vector_model_version = $2
              AND vector_profile_version = profile_version`,
          [userId, model],
        );
        return rows.length > 0 && rows;
      });
      return row?.vector ?? '';
    };
    const [first, second] = ['20261127T030000Z', '20261127T040000Z'];
    await load(first, 0);
    // They did what they did before any model had vectors.
    const before = [await vectorOf('ann', first), await vectorOf('max', first)];
    await producer.rate({ userId: 'ann', movieId: 21, value: 5 }).delivered;
    await until('a vector of what is new', 20_000, async () => {
      return (await vectorOf('ann', first)) !== before[0];
    });
    expect(await vectorOf('max', first)).toBe(before[1]);
    await load(second, 1);
    expect(await vectorOf('max', second)).not.toBe(before[1]);
  });
});
