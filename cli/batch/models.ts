import type { Session } from '../../connectors/postgres/session.ts';
import { listModels, promoteModel, readModel, rollBackModel } from '../../operations/models.ts';
import type { ModelRun, Promotion } from '../../operations/models.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { formatCount } from '../terminal/format.ts';
import { left, print, printJson, right, table } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { runStage } from './stage.ts';

const ask = <T>(work: (session: Session) => Promise<T>): Promise<T> =>
  withSession(loadConfig().postgres.writerUrl, 'model', work);

/** The command `marquee model ls`. */
export async function modelList(json: boolean): Promise<void> {
  const rows = await ask(listModels);
  if (json) {
    printJson(rows);
    return;
  }
  if (rows.length === 0) {
    print('no model yet: marquee batch run');
    return;
  }
  print(runTable(rows));
  const judged = rows.filter(({ kind }) => kind !== null);
  if (judged.length === 0) return;
  print('');
  print(listTable(judged));
}

function runTable(rows: readonly ModelRun[]): string {
  return table(
    [
      ...['version', 'status', ''].map(left),
      ...['users', 'NDCG@10', 'popular', 'recall@50', 'cover@10', 'RMSE', 'took'].map(right),
    ],
    rows.map((row) => [
      row.version,
      row.status,
      row.active ? 'serves' : row.loaded ? 'loaded' : '',
      row.users === null ? '-' : formatCount(row.users),
      ...[row.ndcg, row.popularity, row.recall, row.coverage, row.rmse].map(four),
      row.seconds === null ? '-' : `${row.seconds.toFixed(0)} s`,
    ]),
  );
}

/** NDCG@10 of live lists, beside that without order; and what the nightly lists are like. */
function listTable(rows: readonly ModelRun[]): string {
  return table(
    [
      ...['version', 'ranked by'].map(left),
      ...['live', 'in a visit', '(no order)', 'after 1 h', '(no order)'].map(right),
      ...['Gini', 'head', 'lift', 'novelty', 'diverse', 'miscalib.', 'top 1'].map(right),
    ],
    rows.map((row) => [
      row.version,
      (row.kind ?? '-').replaceAll('_', '-'),
      ...[row.live, row.visit, row.visitUnordered, row.pause, row.pauseUnordered].map(four),
      ...[row.gini, row.headShare].map(three),
      ...[row.popularityLift, row.novelty].map(two),
      ...[row.diversity, row.miscalibration, row.topShare].map(three),
    ]),
  );
}

const fixed = (digits: number) => (value: number | null) =>
  value === null ? '-' : value.toFixed(digits);
const two = fixed(2);
const three = fixed(3);
const four = fixed(4);

/** The command `marquee model show`. */
export async function modelShow(version: string | null, json: boolean): Promise<void> {
  const model = await ask((session) => readModel(session, version));
  if (json) {
    printJson(model);
    return;
  }
  for (const [name, value] of Object.entries(model)) {
    if (value === null) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    print(`${name.padEnd(26)} ${text}`);
  }
}

/** The command `marquee model promote`. */
export async function modelPromote(version: string): Promise<void> {
  print(describePromotion(await ask((session) => promoteModel(session, version, 'by hand'))));
}

/** The command `marquee model rollback`. */
export async function modelRollback(): Promise<void> {
  print(describePromotion(await ask(rollBackModel)));
}

function describePromotion({ version, previous }: Promotion): string {
  if (previous === version) return `${version} served already`;
  return `${version} serves now${previous === null ? '' : `, ${previous} did before`}`;
}

/** The command `marquee model load`. */
export async function modelLoad(version: string): Promise<void> {
  const progress = createProgress(process.stderr);
  try {
    const config = loadConfig();
    const { loaded } = await runStage<{ loaded: boolean }>(
      config,
      { command: 'load', version },
      progress,
    );
    print(
      loaded
        ? `${version} is loaded: marquee model promote ${version}`
        : `${version} was loaded already`,
    );
  } finally {
    progress.close();
  }
}
