import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { parse } from 'csv-parse/sync';
import { loadConfig, readEnvironment, repositoryRoot } from '../../cli/config/config.ts';
import { installSpark } from '../../cli/stack/install/spark.ts';
import { left, print, right, table } from '../../cli/terminal/output.ts';
import { silentProgress } from '../../cli/terminal/progress.ts';
import { createRandom } from '../../common/random.ts';
import { arrange } from '../../serving/lists/arrange.ts';
import { createCatalogue } from '../../serving/ranking/catalogue.ts';
import type { Surface } from '../../serving/ranking/surface.ts';
import { parseSurfaces } from '../../serving/surfaces/surfaces-file.ts';
import { judge } from './beyond-accuracy.ts';
import type { JudgedList } from './beyond-accuracy.ts';

const HELP = `marquee eval knobs --data DIR: what a surface's knobs cost and bring, on a MovieLens folder

The first 80 % of each user's ratings train an item-item model; its 200 best candidates a user are
arranged by surfaces that differ in one knob, and judged on the rest.
`;
const CANDIDATES = 200;

/** Each row of the table, as surfaces.yaml would say it. */
const KNOBS = {
  'as ranked': '{}',
  'popularity^-0.1': '{ popularity_exponent: -0.1 }',
  'popularity^-0.2': '{ popularity_exponent: -0.2 }',
  'MMR 0.9 over 50': '{ diversity: { kind: mmr, relevance: 0.9, over: 50 } }',
  'MMR 0.7 over 50': '{ diversity: { kind: mmr, relevance: 0.7, over: 50 } }',
  'most per genre 5': '{ diversity: { kind: most_per_genre, most: 5 } }',
  'both, -0.1 and 0.9':
    '{ popularity_exponent: -0.1, diversity: { kind: mmr, relevance: 0.9, over: 50 } }',
} as const;

interface Made {
  readonly lists: readonly { user: number; movies: number[]; scores: number[] }[];
  readonly popularity: Readonly<Record<string, number>>;
}

interface Rating {
  readonly userId: string;
  readonly movieId: string;
  readonly rating: string;
}

const run = promisify(execFile);

async function readCsv<T>(file: string): Promise<T[]> {
  return parse(await readFile(file), { columns: true });
}

async function makeCandidates(train: string): Promise<Made> {
  const { cache, stack } = loadConfig();
  const { python } = await installSpark({ cache, javaHome: stack.javaHome }, silentProgress);
  const script = join(repositoryRoot, 'tests', 'eval', 'knobs_candidates.py');
  const { stdout } = await run(python, [script, train, String(CANDIDATES)], {
    env: { ...readEnvironment(), PYTHONPATH: 'batch', PYTHONDONTWRITEBYTECODE: '1' },
    cwd: repositoryRoot,
    maxBuffer: 1024 ** 3,
  });
  return JSON.parse(stdout) as Made;
}

async function readCatalogue(folder: string) {
  const movies = await readCsv<{ movieId: string; title: string; genres: string }>(
    join(folder, 'movies.csv'),
  );
  return createCatalogue(
    movies.map(({ movieId, title, genres }) => ({
      movieId: Number(movieId),
      title,
      year: null,
      genres: genres.startsWith('(') ? [] : genres.split('|'),
    })),
  );
}

async function compare(data: string, folder: string): Promise<void> {
  const split = join(repositoryRoot, 'batch', 'evaluation', 'split.py');
  await run('python3', [split, join(data, 'ratings.csv'), folder]);
  const made = await makeCandidates(join(folder, 'train.csv'));
  const catalogue = await readCatalogue(data);
  const popularityOf = (movieId: number): number => made.popularity[movieId] ?? 0;
  const surfaces = Object.values(KNOBS).map((text, i) => `  k${i}: ${text}\n`);
  const { byName } = parseSurfaces(Buffer.from(`default: k0\nsurfaces:\n${surfaces.join('')}`));
  const judged = {
    train: await readCsv<Rating>(join(folder, 'train.csv')),
    test: await readCsv<Rating>(join(folder, 'test.csv')),
    catalogue,
    popularityOf,
  };
  const arranged = (surface: Surface): JudgedList[] =>
    made.lists.map(({ user, movies, scores }) => ({
      user: String(user),
      movieIds: arrange({
        candidates: movies.map((movieId, i) => ({
          movieId,
          score: scores[i] ?? 0,
          origin: 'ranked',
        })),
        catalogue,
        popularityOf,
        seen: new Set(),
        shown: new Map(),
        surface,
        filter: { exclude: [], genres: [], yearFrom: null, yearTo: null },
        seenPolicy: null,
        length: 10,
        firstPosition: 1,
        pool: null,
        now: 0,
        random: createRandom(1),
      }).map(({ movieId }) => movieId),
    }));
  const rows = [...byName.values()].map((surface, i) => {
    const figures = judge(arranged(surface), judged);
    return [Object.keys(KNOBS)[i] ?? '', ...figures.map((figure) => figure.value.toFixed(4))];
  });
  const names = judge([], judged).map(({ name }) => right(name));
  print(table([left('knob'), ...names], rows));
}

const { values } = parseArgs({
  options: { data: { type: 'string' }, help: { type: 'boolean' } },
});
if (values.data === undefined || values.help === true) {
  process.stdout.write(HELP);
  if (values.help !== true) process.exitCode = 2;
} else {
  const folder = await mkdtemp(join(tmpdir(), 'marquee-knobs-'));
  try {
    await compare(values.data, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
