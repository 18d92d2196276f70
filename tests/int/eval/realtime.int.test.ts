import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../../cli/config/config.ts';
import { installSpark } from '../../../cli/stack/install/spark.ts';
import { createProgress, silentProgress } from '../../../cli/terminal/progress.ts';
import { readRatings } from '../../eval/realtime/ratings.ts';
import { describe as lines } from '../../eval/realtime/report.ts';
import { evaluateRealtime } from '../../eval/realtime/run.ts';
import { QUICK_RUN } from '../../support/batch/driver.ts';
import { writeMovieLens } from '../../support/movielens.ts';
import type { MovieLensFolder } from '../../support/movielens.ts';
import { makeSeries } from './series.ts';

const SEED = 31;
let set: MovieLensFolder;

beforeAll(async () => {
  process.stdout.write(`seed ${SEED}\n`);
  set = writeMovieLens(makeSeries(SEED));
  const { cache, stack } = loadConfig();
  const progress = createProgress(process.stderr);
  await installSpark({ cache, javaHome: stack.javaHome }, progress);
  progress.close();
}, 900_000);
afterAll(() => {
  set[Symbol.dispose]();
});

test('the running system serves what the ranker alone gives', async () => {
  const evaluated = await evaluateRealtime(
    {
      data: set.folder,
      ratings: await readRatings(set.folder),
      usersMax: Infinity,
      seed: SEED,
      rounds: ['cut'],
      batch: QUICK_RUN,
    },
    new AbortController().signal,
    silentProgress,
  );
  const [live] = evaluated.judged;
  if (live === undefined) throw new Error('nothing was judged');
  expect(live.users).toBe(80);
  expect(evaluated.brought.streamed).toBeGreaterThan(0);
  expect(evaluated.brought.backfilled).toBeGreaterThan(0);
  expect(evaluated.brought.streamed + evaluated.brought.backfilled).toBe(80 * 32);
  // Whoever did something lately has a list in Redis; nobody gets one that knows nothing of them.
  expect(Object.keys(live.sources).sort()).toEqual(['cache', 'similarity']);
  expect(Object.keys(live.unorderedSources)).toEqual(['similarity']);
  expect(live.identical).toMatchObject({ asMade: 1, unordered: 1 });
  expect(live.system.mean).toBeGreaterThan(live.popularity.mean);
  expect(lines(evaluated, null).join('\n')).toContain('from Redis');
}, 300_000);
