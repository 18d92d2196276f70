import { resolve } from 'node:path';
import { loadConfig } from '../config/config.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { formatCount } from '../terminal/format.ts';
import { createProgress } from '../terminal/progress.ts';
import { codeVersion, runStage } from './stage.ts';

export interface BatchFlags {
  readonly seed: number;
  readonly master: string;
  readonly memory: string;
  readonly settings?: string;
  readonly set: readonly string[];
  readonly conf: readonly string[];
  readonly skipCorrupt?: boolean;
  readonly promote: boolean;
  readonly json?: boolean;
}

export type Metrics = Readonly<Record<string, number>>;

export interface BatchReport {
  readonly run: number;
  readonly version: string;
  readonly status: 'promoted' | 'ready' | 'rejected';
  readonly reason: string | null;
  /** What lists are ranked by: item_item, blend (with popularity) or popularity. */
  readonly kind: string;
  readonly popularity_share: number;
  readonly events: number;
  readonly users: number;
  readonly movies: number;
  readonly judged_users: number;
  readonly metrics: Readonly<Record<string, Metrics>>;
  /** NDCG@10 within a visit and after a pause, of live lists and others; beside it `users`. */
  readonly places: Readonly<Record<string, Metrics>>;
  readonly ratings: { readonly rmse?: number; readonly mae?: number };
  readonly skipped: Readonly<Record<string, string>>;
  readonly seconds: Readonly<Record<string, number>>;
}

/** The command `marquee batch run`. Returns the exit code. */
export async function batchRun(flags: BatchFlags): Promise<number> {
  const progress = createProgress(process.stderr);
  try {
    const report = await runStage<BatchReport>(loadConfig(), await requestOf(flags), progress);
    if (flags.json === true) printJson(report);
    else describe(report).forEach(print);
    return 0;
  } finally {
    progress.close();
  }
}

export async function requestOf(flags: BatchFlags) {
  return {
    command: 'run' as const,
    seed: flags.seed,
    master: flags.master,
    memory: flags.memory,
    ...(flags.settings === undefined ? {} : { settings: resolve(flags.settings) }),
    set: flags.set,
    conf: Object.fromEntries(flags.conf.map(splitPair)),
    skipCorrupt: flags.skipCorrupt === true,
    promote: flags.promote,
    code: await codeVersion(),
  };
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

const COLUMNS = ['ndcg_at_10', 'recall_at_10', 'hit_rate_at_10', 'recall_at_50', 'coverage_at_10'];
const OUTCOME = {
  promoted: 'promoted: it serves now',
  ready: 'loaded, not promoted (marquee model promote VERSION)',
  rejected: 'rejected: what served before goes on',
};

export function describe(report: BatchReport): string[] {
  const { status, reason, metrics, ratings } = report;
  const lines = [
    `model ${report.version}: ${OUTCOME[status]}${reason === null ? '' : `\n  ${reason}`}`,
    `  ${formatCount(report.events)} events, ${formatCount(report.users)} users, ` +
      `${formatCount(report.movies)} movies; judged on what ${formatCount(report.judged_users)} users did last`,
  ];
  const names = Object.keys(metrics);
  if (names.length > 0) {
    lines.push(
      table(
        [
          left('ranked by'),
          ...['NDCG@10', 'recall@10', 'hits@10', 'recall@50', 'cover@10'].map(right),
        ],
        names.map((name) => [
          name.replaceAll('_', '-'),
          ...COLUMNS.map((column) => (metrics[name]?.[column] ?? 0).toFixed(4)),
        ]),
      ),
    );
  }
  lines.push(...describePlaces(report), ...describeKind(report));
  if (ratings.rmse !== undefined && ratings.mae !== undefined)
    lines.push(`ratings: RMSE ${ratings.rmse.toFixed(4)}, MAE ${ratings.mae.toFixed(4)} stars`);
  const skipped = Object.entries(report.skipped);
  if (skipped.length > 0) lines.push(`left out, ${formatCount(skipped.length)} objects:`);
  for (const [path, why] of skipped) lines.push(`  ${path}: ${why}`);
  return lines;
}

const PLACES: Readonly<Record<string, string>> = {
  visit: 'within a visit',
  pause: 'back after an hour',
};

function describePlaces({ places }: Pick<BatchReport, 'places'>): string[] {
  const lines = Object.entries(places)
    .filter(([, figures]) => figures['live'] !== undefined)
    .map(([name, { users = 0, live = 0, unordered = 0, popularity = 0 }]) => {
      const others = `no order ${unordered.toFixed(4)}, popularity ${popularity.toFixed(4)}`;
      const where = PLACES[name] ?? name;
      return `  ${where} ${live.toFixed(4)} (${others}; ${formatCount(users)} users)`;
    });
  return lines.length === 0 ? [] : ['NDCG@10 of live lists', ...lines];
}

/** What takes the place of the ranker that the settings ask for. */
function describeKind({ kind, popularity_share: share }: BatchReport): string[] {
  if (kind === 'popularity') return ['lists are of what is popular: nothing is known to beat it'];
  if (kind !== 'blend') return [];
  return [`lists blend item-item with ${share} of popularity, in standard deviations of each`];
}
