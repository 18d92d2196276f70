import { join } from 'node:path';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { startChild } from '../runner/child.ts';
import { costsBetween, untilQuiet } from '../runner/sampler.ts';
import type { BenchStack } from '../runner/stack.ts';
import { watchClients } from '../runner/watch.ts';
import { readBack, removeObjects } from './run.ts';
import type { ArchiveContext, ArchiveResult } from './run.ts';

const MARQUEE = join(repositoryRoot, 'marquee');

/** Empties the archive: tables, positions and objects. */
async function forgetArchive({ stack }: ArchiveContext): Promise<void> {
  const sql = await stack.connect();
  try {
    await sql.query(
      `TRUNCATE archive_files, archive_ranges, archive_plans, archive_runs, stream_offsets,
         stream_ledger, dead_letters CASCADE`,
    );
    await removeObjects(stack, stack.config.archive.prefix);
    await sql.query('CHECKPOINT');
  } finally {
    await sql.end();
  }
}

/** Names of the objects that the archive lists. */
export async function archivedObjects(stack: BenchStack): Promise<string[]> {
  const sql = await stack.connect();
  try {
    const { rows } = await sql.query<{ path: string }>(
      'SELECT path FROM archive_manifest ORDER BY path',
    );
    return rows.map(({ path }) => path);
  } finally {
    await sql.end();
  }
}

/**
 * `marquee archive run` over all that stands in the topic, from an empty archive: read, sorted,
 * uploaded, read back, verified and recorded. Its moments are the ones that Postgres recorded.
 */
export async function runMarquee(context: ArchiveContext, round: number): Promise<ArchiveResult> {
  const { stack, load, workDir } = context;
  await forgetArchive(context);
  await untilQuiet(stack.pids);
  const startedMs = Date.now();
  const client = startChild({
    command: MARQUEE,
    args: ['archive', 'run', '--until', 'now', '--json'],
    // Not the bench's own options of Node: the command has its own.
    env: { ...context.settings, MARQUEE_HOME: stack.home, NODE_OPTIONS: '' },
    logFile: join(workDir, `archive-${String(round)}-${String(startedMs)}.log`),
    endsByItself: true,
  });
  const {
    samples,
    peakRss: [peakRss = 0],
  } = await watchClients(stack, [client], () => client.ended);
  const { plannedMs, recordedMs, rows, files, bytes } = await recorded(stack);
  if (rows !== load.actions)
    throw new Error(`the archive recorded ${String(rows)} of ${String(load.actions)} rows`);
  return {
    system: 'Marquee archive',
    round,
    rows,
    workMs: recordedMs - plannedMs,
    warmUpMs: plannedMs - startedMs,
    files,
    fileBytes: bytes,
    cpu: costsBetween(samples, plannedMs, recordedMs, rows),
    peakRss,
    contents: await readBack(context, await archivedObjects(stack)),
  };
}

async function recorded(stack: BenchStack) {
  const sql = await stack.connect();
  try {
    const { rows } = await sql.query<
      Record<'planned' | 'done' | 'rows' | 'files' | 'bytes', string>
    >(
      `SELECT extract(epoch FROM min(r.planned_at)) * 1000 AS planned,
              extract(epoch FROM max(f.recorded_at)) * 1000 AS done,
              sum(f.rows) AS rows, count(*) AS files, sum(f.bytes) AS bytes
         FROM archive_files f CROSS JOIN (SELECT min(planned_at) AS planned_at FROM archive_runs) r`,
    );
    const [row] = rows;
    return {
      plannedMs: Number(row?.planned),
      recordedMs: Number(row?.done),
      rows: Number(row?.rows),
      files: Number(row?.files),
      bytes: Number(row?.bytes),
    };
  } finally {
    await sql.end();
  }
}
