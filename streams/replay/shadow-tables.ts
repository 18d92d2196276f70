import type { Session } from '../../connectors/postgres/session.ts';
import { columnsOf } from './compare-tables.ts';
import type { Processor } from '../runtime/processor.ts';
import { refused } from './replay-plan.ts';
import type { LivePartition, ReplayStart } from './replay-plan.ts';

/** The runtime's own tables, which a replay has copies of beside the processor's. */
const RUNTIME_TABLES = ['stream_offsets', 'stream_ledger', 'dead_letters'];

/** Schemas and names by which a replay works. Schemas are quoted. */
export interface ShadowPlace {
  readonly processor: string;
  /** The name in the copies' offsets and ledger. */
  readonly consumerName: string;
  readonly topic: string;
  readonly live: string;
  readonly replayed: string;
}

export function copiedTables(processor: Processor): string[] {
  return [...processor.tables, ...(processor.sideTables ?? []), ...RUNTIME_TABLES];
}

/** One replay at a time: there is one schema for the copies. */
export async function lockReplays(session: Session): Promise<boolean> {
  const [row] = await session.query<{ ok: boolean }>(
    `SELECT pg_try_advisory_lock(hashtextextended('marquee.replay.' || current_schema(), 0)) AS ok`,
  );
  return row?.ok === true;
}

/** Partitions of the live processor, but for the log's bounds. */
export async function readLive(
  session: Session,
  processor: string,
  topic: string,
): Promise<Omit<LivePartition, 'logStart' | 'logEnd'>[]> {
  const replaced = await session.query<{ partition: number; id: number; made_at: string }>(
    `SELECT partition, id, made_at::text FROM offset_resets
     WHERE processor = $1 AND topic = $2 AND another_log ORDER BY id LIMIT 1`,
    [processor, topic],
  );
  for (const { partition, id, made_at } of replaced)
    throw refused(
      `${topic}/${partition} was made again (offset reset ${id} of ${made_at}): rows from the ` +
        'log before are in the tables, and no log can give them again',
    );
  return session.query<Omit<LivePartition, 'logStart' | 'logEnd'>>(
    `SELECT o.partition, o.next_offset AS next,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('from', l.from_offset, 'to', l.to_offset)
          ORDER BY l.from_offset), '[]')
        FROM stream_ledger l WHERE (l.processor, l.topic, l.partition)
          = (o.processor, o.topic, o.partition)) AS ledger
     FROM stream_offsets o WHERE o.processor = $1 AND o.topic = $2 ORDER BY o.partition`,
    [processor, topic],
  );
}

/** Makes empty copies, and gives partitions that are kept the live state that they go on from. */
export async function makeCopies(
  session: Session,
  processor: Processor,
  place: ShadowPlace,
  starts: readonly ReplayStart[],
): Promise<void> {
  for (const table of copiedTables(processor))
    await session.execute('SELECT prepare_shadow($1)', [table]);
  const kept = starts.filter((start) => start.kept);
  if (kept.length === 0) return;
  const { live, replayed } = place;
  const values = [
    place.processor,
    place.consumerName,
    place.topic,
    kept.map((start) => start.partition),
    kept.map((start) => start.ledgerFrom),
  ];
  const keep = (table: string, own: readonly string[], below: string) => {
    const columns = own.map((c) => `"${c}"`).join(', ');
    return session.execute(
      `INSERT INTO ${replayed}.${table} (processor, ${columns}) SELECT $2, ${columns}
       FROM ${live}.${table} JOIN unnest($4::int[], $5::bigint[]) AS k(kept_partition, kept_from)
         ON partition = kept_partition WHERE processor = $1 AND topic = $3 ${below}`,
      values,
    );
  };
  const own = async (table: string) =>
    (await columnsOf(session, `${live}.${table}`)).filter((column) => column !== 'processor');
  await keep('stream_ledger', await own('stream_ledger'), 'AND from_offset >= kept_from');
  await keep('dead_letters', await own('dead_letters'), 'AND kafka_offset >= kept_from');
  const offsets = (await own('stream_offsets')).filter((column) => !column.startsWith('owner'));
  await keep('stream_offsets', offsets, '');
}

/** Copies the rows of earlier offsets, partitions included; returns how many. */
export async function copyEarlierRows(
  session: Session,
  processor: Processor,
  place: ShadowPlace,
  starts: readonly ReplayStart[],
): Promise<number> {
  const copied = starts.filter((start) => start.copyBelow > 0);
  if (copied.length === 0) return 0;
  const { live, replayed } = place;
  let rows = 0;
  for (const table of processor.tables) {
    await session.execute(
      `SELECT ensure_partitions($2::regclass, array_agg(starts_at), ends_at - starts_at)
       FROM partitions_of($1::regclass) GROUP BY ends_at - starts_at`,
      [`${live}.${table}`, `${replayed}.${table}`],
    );
    const columns = (await columnsOf(session, `${live}.${table}`, 'stored'))
      .map((column) => `"${column}"`)
      .join(', ');
    rows += await session.execute(
      `INSERT INTO ${replayed}.${table} (${columns}) SELECT ${columns} FROM ${live}.${table}
       JOIN unnest($1::int[], $2::bigint[]) AS c(copied_partition, below)
         ON kafka_partition = copied_partition AND kafka_offset < below`,
      [copied.map((start) => start.partition), copied.map((start) => start.copyBelow)],
    );
  }
  return rows;
}

export type Positions = ReadonlyMap<number, number>;

export async function readPositions(
  session: Session,
  schema: string,
  processor: string,
  topic: string,
  lock: '' | 'FOR UPDATE' = '',
): Promise<Positions> {
  const rows = await session.query<{ partition: number; next: number }>(
    `SELECT partition, next_offset AS next FROM ${schema}.stream_offsets
     WHERE processor = $1 AND topic = $2 ORDER BY partition ${lock}`,
    [processor, topic],
  );
  return new Map(rows.map((row) => [row.partition, row.next]));
}

/** Gives the copies what they have or lack for other reasons than the stream, while live rests. */
export async function completeCopies(
  session: Session,
  processor: Processor,
  place: ShadowPlace,
): Promise<number> {
  for (const table of processor.tables) await session.execute('SELECT prune_shadow($1)', [table]);
  return (await processor.carryOver?.(session, place.live, place.replayed)) ?? 0;
}

export async function finishReplay(
  session: Session,
  processor: Processor,
  place: ShadowPlace,
): Promise<void> {
  await session.execute('SELECT finish_replay($1, $2, $3)', [
    place.processor,
    processor.tables,
    place.consumerName,
  ]);
}

export async function dropCopies(session: Session, processor: Processor): Promise<void> {
  for (const table of copiedTables(processor))
    await session.execute('SELECT drop_shadow($1)', [table]);
}
