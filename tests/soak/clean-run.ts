import { createHash } from 'node:crypto';
import { once } from 'node:events';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { topicsOf, untilCaughtUp, type Finding } from '../support/scenario/checks.ts';
import { openDatabase } from '../support/faults/database.ts';
import { createSecondDatabase } from '../support/faults/second-database.ts';
import type { Environment } from '../support/faults/environment.ts';

const DATABASE = 'clean';

/** Every table by what orders it, without what depends on clocks or on who published when. */
const TABLES: readonly {
  readonly table: string;
  readonly columns: string;
  readonly order: string;
  readonly processor: string;
}[] = [
  { processor: 'interactions', table: 'rt_user_interactions', columns: '*', order: 'event_id' },
  { processor: 'profiles', table: 'profiles_event_ids', columns: '*', order: 'event_id' },
  {
    processor: 'profiles',
    table: 'user_profiles',
    columns:
      "(to_jsonb(t) - ARRAY['preference_vector', 'vector_model_version', 'vector_profile_version'])",
    order: 'user_id',
  },
  { processor: 'profiles', table: 'user_history', columns: '*', order: 'user_id, movie_id' },
  { processor: 'feedback', table: 'recommendation_feedback', columns: '*', order: 'event_id' },
  { processor: 'serve-logs', table: 'recommendation_logs', columns: '*', order: 'request_id' },
  { processor: 'movies', table: 'movies', columns: '*', order: 'movie_id' },
  {
    processor: '',
    table: 'dead_letters',
    columns: "(to_jsonb(t) - ARRAY['published_at'])",
    order: 'processor, topic, partition, kafka_offset',
  },
  {
    processor: '',
    table: 'stream_ledger',
    columns: '*',
    order: 'processor, topic, partition, from_offset',
  },
  {
    processor: '',
    table: 'stream_offsets',
    columns: 'processor, topic, partition, next_offset, last_offset, last_identity, ledger_from',
    order: 'processor, topic, partition',
  },
];

/**
 * Processes the same topics once more, without faults, into a database of its own, and compares
 * every table row for row. Call it when no other process works.
 */
export async function compareWithCleanRun(
  environment: Environment,
  processors: readonly string[],
  withinMs: number,
): Promise<Finding[]> {
  const urls = await createSecondDatabase(environment, DATABASE);
  const clean = openDatabase(urls.admin);
  try {
    const running = environment.processes.start({
      processors,
      env: { MARQUEE_PG_WRITER_URL: urls.writer },
      label: 'clean run',
    });
    await untilCaughtUp({ ...environment, db: clean }, processors, withinMs);
    await running.stop();
    const findings: Finding[] = [];
    for (const { table, columns, order, processor } of TABLES) {
      if (processor !== '' && !processors.includes(processor)) continue;
      const where =
        processor === '' ? `WHERE topic = ANY ('{${topicsOf(processors).join(',')}}')` : '';
      const query = `SELECT ${columns} FROM marquee.${table} t ${where} ORDER BY ${order}`;
      findings.push(await compareRows(table, query, environment.adminUrl, urls.admin));
    }
    return findings;
  } finally {
    await clean.close();
  }
}

interface Digest {
  readonly rows: number;
  readonly sha256: string;
}

async function compareRows(
  table: string,
  query: string,
  faulty: string,
  clean: string,
): Promise<Finding> {
  const [left, right] = await Promise.all([digest(faulty, query), digest(clean, query)]);
  const holds = left.sha256 === right.sha256 && left.rows === right.rows;
  return {
    check: `${table} equals the clean run's, row for row (${left.rows} rows)`,
    holds,
    found: holds ? '' : await firstDifference(query, faulty, clean),
  };
}

/** The rows in order, as COPY writes them. */
async function digest(url: string, query: string): Promise<Digest> {
  const hash = createHash('sha256');
  const rows = await stream(url, query, (chunk) => hash.update(chunk));
  return { rows, sha256: hash.digest('hex') };
}

async function stream(url: string, query: string, take: (chunk: Buffer) => void): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const copy = client.query(copyTo(`COPY (${query}) TO STDOUT`));
    copy.on('data', take);
    await once(copy, 'end');
    return copy.rowCount;
  } finally {
    await client.end();
  }
}

async function firstDifference(query: string, faulty: string, clean: string): Promise<string> {
  const lines = async (url: string): Promise<string[]> => {
    const chunks: Buffer[] = [];
    await stream(url, query, (chunk) => chunks.push(chunk));
    return Buffer.concat(chunks).toString().split('\n');
  };
  const [left, right] = [await lines(faulty), await lines(clean)];
  const at = left.findIndex((line, i) => line !== right[i]);
  const cut = (line: string | undefined): string => (line ?? 'nothing').slice(0, 500);
  return `${left.length - 1} rows, clean ${right.length - 1}; first difference in row ${at}: ${cut(left[at])} | clean: ${cut(right[at])}`;
}
