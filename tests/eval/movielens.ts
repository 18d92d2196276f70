import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { exportsOf } from '../../cli/config/exports.ts';
import { readEnvironment, repositoryRoot } from '../../cli/config/config.ts';
import { left, print, right, table } from '../../cli/terminal/output.ts';
import { silentProgress } from '../../cli/terminal/progress.ts';
import { installSpark } from '../../cli/stack/install/spark.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import { withStage, secondsOf, type Stage } from '../support/batch/stage.ts';

export interface MovieLensOptions {
  readonly data: string;
  readonly fraction: number;
  /** Search settings on the train part instead. */
  readonly tune: boolean;
  readonly protocol: string | null;
  readonly rankers: readonly string[];
  readonly seed: number;
  readonly settings: readonly string[];
}

interface Judged {
  readonly ranker: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** How each ranker is asked for. */
const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  sparse: ['lists.ranker=item_item', 'item_item.dense_movies_max=1'],
};
const FIGURES = ['ndcg@10', 'recall@10', 'hit_rate@10', 'recall@50', 'coverage@10'] as const;
const python = promisify(execFile);

/**
 * Splits a MovieLens set, backfills the train part, runs the batch stage once for each ranker, and
 * judges the lists as they stand in batch_recommendations by the protocol's own script.
 */
export async function judgeMovieLens(options: MovieLensOptions): Promise<void> {
  const scripts = resolve(options.protocol ?? join(repositoryRoot, 'batch', 'evaluation'));
  await withStage(async (stage) => {
    const split = join(stage.folder, 'split');
    const fraction = String(options.fraction);
    await python('python3', [
      join(scripts, 'split.py'),
      join(options.data, 'ratings.csv'),
      split,
      '--fractions',
      fraction,
    ]);
    const train = join(stage.folder, 'train');
    await mkdir(train);
    for (const name of ['movies.csv', 'links.csv', 'tags.csv'])
      await copyFile(join(options.data, name), join(train, name));
    await copyFile(join(split, 'train.csv'), join(train, 'ratings.csv'));
    print(`backfilling the first ${fraction} of each user's ratings`);
    await stage.marquee(['backfill', train]);
    if (options.tune) {
      const given = options.settings.flatMap((setting) => ['--set', setting]);
      print(await stage.marquee(['batch', 'tune', '--seed', String(options.seed), ...given]));
      return;
    }
    const test = join(split, 'test.csv');
    const judged: Judged[] = [];
    let rated = '';
    for (const ranker of options.rankers) {
      const asked = [...(SETTINGS[ranker] ?? [`lists.ranker=${ranker}`]), ...options.settings];
      const report = await stage.batch(options.seed, asked);
      const figures = await score(stage, scripts, report.version, test);
      judged.push({ ranker, figures });
      const seconds = secondsOf(report);
      print(`${ranker}: NDCG@10 ${(figures['ndcg@10'] ?? 0).toFixed(4)}, ${seconds.toFixed(0)} s`);
      rated = rated === '' ? await rmse(stage, report.version, test) : rated;
    }
    print('');
    showTable(judged, await readReference(scripts));
    print(rated);
  });
}

async function score(stage: Stage, scripts: string, version: string, test: string) {
  const session = await openSession({
    url: stage.stack.config.postgres.readerUrl,
    applicationName: 'eval',
  });
  try {
    const rows = await session.query<{ user: string; movie: number; rank: number }>(
      `SELECT user_id AS user, movie_id AS movie, rank FROM batch_recommendations
        WHERE model_version = $1 ORDER BY user_id, rank`,
      [version],
    );
    const file = join(stage.folder, `${version}.csv`);
    const lines = rows.map((row) => `${row.user},${row.movie},${row.rank}`);
    await writeFile(file, ['user_id,movie_id,rank', ...lines, ''].join('\n'));
    const { stdout } = await python('python3', [join(scripts, 'score.py'), file, test]);
    return JSON.parse(stdout) as Record<string, number>;
  } finally {
    await session.close();
  }
}

async function rmse(stage: Stage, version: string, test: string): Promise<string> {
  const { config } = stage.stack;
  const place = { cache: config.cache, javaHome: config.stack.javaHome };
  const spark = await installSpark(place, silentProgress);
  const { stdout } = await python(spark.python, [join('evaluation', 'rmse.py'), version, test], {
    cwd: join(repositoryRoot, 'batch'),
    env: {
      ...readEnvironment(),
      ...exportsOf(config),
      PYTHONPATH: '.',
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  const found = JSON.parse(stdout) as Record<'rmse' | 'mae' | 'ratings' | 'unknown', number>;
  return (
    `ratings: RMSE ${found.rmse.toFixed(4)}, MAE ${found.mae.toFixed(4)} on ${found.ratings}, none ` +
    `left out (${found.unknown} of a user or movie without training data)`
  );
}

const NAME_MAX = 70;

/** The ranking table of reference.md, where the protocol's folder has one. */
async function readReference(scripts: string): Promise<Judged[]> {
  const file = join(scripts, 'reference.md');
  if (!existsSync(file)) return [];
  const lines = (await readFile(file, 'utf8')).split('\n');
  const start = lines.findIndex((line) => line.includes('| recall@10 |'));
  const rows: Judged[] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    const [ranker = '', ...cells] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    const numbers = cells.map((cell) => Number.parseFloat(cell.replaceAll('*', '')));
    const figures = FIGURES.map((name, n) => [name, numbers[n] ?? Number.NaN] as const);
    const name = ranker.length > NAME_MAX ? `${ranker.slice(0, NAME_MAX)}…` : ranker;
    rows.push({ ranker: `reference: ${name}`, figures: Object.fromEntries(figures) });
  }
  return rows;
}

function showTable(judged: readonly Judged[], reference: readonly Judged[]): void {
  const figure = (value: number | undefined) =>
    value === undefined || Number.isNaN(value) ? '' : value.toFixed(4);
  print(
    table(
      [left('ranked by'), ...FIGURES.map(right)],
      [...judged, ...reference].map(({ ranker, figures }) => [
        ranker,
        ...FIGURES.map((name) => figure(figures[name])),
      ]),
    ),
  );
}
