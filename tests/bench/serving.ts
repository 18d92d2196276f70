/**
 * The benchmark of serving: hits, computed lists, ranking and the nightly lists by HTTP, at a constant
 * rate and at saturation, in turn with bare servers that send the same bytes and with Feast; how fresh
 * lists are, and what the API holds in memory. Run by `marquee bench serving`.
 */
import { InvalidArgumentError } from 'commander';
import { installPythonPeer } from './peers/python.ts';
import { positive, sizes, withPopulation, withRounds } from './runner/options.ts';
import { runBench, type Bench } from './runner/run.ts';
import { settingsOf } from './runner/settings.ts';
import { measureFreshness, type Freshness } from './serving/freshness.ts';
import { measureMemory, type MemoryResult } from './serving/memory.ts';
import { installOha } from './serving/oha.ts';
import { openServingPlace, type ServingPlace } from './serving/place.ts';
import { renderServing, type ServingFigures } from './serving/report.ts';
import { ROW_PARTS } from './serving/questions.ts';
import { openRows, type Turn } from './serving/rows.ts';

const PARTS = [...ROW_PARTS, 'feast', 'freshness', 'memory'] as const;
type Part = (typeof PARTS)[number];

interface Options {
  readonly only: readonly Part[];
  readonly runs: number;
  readonly seconds: number;
  readonly users: number;
  readonly movies: number;
  readonly growth: readonly number[];
  readonly seed: number;
  readonly home?: string;
  readonly out: string;
}

const BATCH_USERS = 20_000;
const WARM_SECONDS = 5;

await runBench<Options, ServingFigures>({
  name: 'serving',
  description: 'measure answers beside bare servers that send the same bytes',
  options(command) {
    return withRounds(withPopulation(command), 5)
      .option('--only <parts>', `some of ${PARTS.join(',')}`, partsOf, [...PARTS])
      .option('--seconds <n>', 'of each run', positive, 10)
      .option('--growth <movies>', 'memory with so many too, or none', sizes, [200_000])
      .option('--home <folder>', 'keep the stack there');
  },
  measure: (options, bench) =>
    bench.onStack({ ...options, services: ['valkey'] }, async (at) => {
      const { users, movies, seed, only } = options;
      const size = { users, movies, batchUsers: Math.min(users, BATCH_USERS) };
      const place = await openServingPlace(at, size, seed, bench.progress);
      try {
        // First, since what answers log is worked on by the processors too.
        const freshness = only.includes('freshness') ? await fresh(options, bench, place) : [];
        const turns = await answers(options, bench, place);
        const memory = only.includes('memory') ? await held(options, bench, place) : [];
        return { turns, freshness, memory, size, settings: await settingsOf(at.stack) };
      } finally {
        place.close();
      }
    }),
  render: renderServing,
});

async function fresh(
  { seconds, runs }: Options,
  { attempts }: Bench,
  place: ServingPlace,
): Promise<Freshness[]> {
  const results: Freshness[] = [];
  await attempts.attempt('freshness', async () => {
    const result = await measureFreshness(place, seconds * runs);
    if (result.missing > 0) attempts.findings.push(`freshness: ${result.missing} lists missing`);
    results.push(result);
    const { profile, list } = result;
    return (
      `list p50 ${list.p50Ms.toFixed(0)}, p99 ${list.p99Ms.toFixed(0)} ms; ` +
      `profile's row p50 ${profile.p50Ms.toFixed(0)}, p99 ${profile.p99Ms.toFixed(0)} ms`
    );
  });
  return results;
}

async function answers(
  { only, runs, seconds }: Options,
  { attempts, progress, untilInterrupted }: Bench,
  place: ServingPlace,
): Promise<readonly Turn[]> {
  const parts = ROW_PARTS.filter((part) => only.includes(part));
  if (parts.length === 0 && !only.includes('feast')) return [];
  const oha = await installOha(progress);
  const feast = only.includes('feast') ? await installPythonPeer('feast', progress) : null;
  await place.putLists();
  place.pinServers();
  const warmSeconds = Math.min(WARM_SECONDS, seconds);
  const rows = await openRows(place, { oha, feast, parts, seconds, warmSeconds });
  try {
    await untilInterrupted(attempts.alternate(runs, rows.contestants));
  } finally {
    await rows.close();
  }
  for (const { system, round, load } of rows.turns) {
    if (load.failed > 0)
      attempts.findings.push(`${system} ${round}: ${load.failed} not answered by 200`);
    if (load.generatorShare > 0.8)
      attempts.findings.push(`${system} ${round}: void, the generator used over 80 % of a core`);
  }
  return rows.turns;
}

async function held(
  { growth }: Options,
  { attempts, progress }: Bench,
  place: ServingPlace,
): Promise<MemoryResult[]> {
  const results: MemoryResult[] = [];
  await attempts.attempt('memory', async () => {
    const found = await measureMemory(place, growth, ({ movies, rssBytes }) => {
      progress.note(`${movies} movies: ${Math.round(rssBytes / 1e6)} MB`);
    });
    results.push(...found);
    return found.map(({ rssBytes }) => `${Math.round(rssBytes / 1e6)} MB`).join(', ');
  });
  return results;
}

function partsOf(text: string): Part[] {
  const known: readonly string[] = PARTS;
  const wanted = text.split(',');
  const wrong = wanted.find((part) => !known.includes(part));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`${wrong} is none of ${PARTS.join(', ')}`);
  return wanted as Part[];
}
