import { join } from 'node:path';
import { repositoryRoot } from '../../../cli/config/config.ts';
import { startChild, type StartedClient } from '../runner/child.ts';
import type { RunContext, System } from './system.ts';
import { MARQUEE_TABLE } from './table.ts';

export type Processor = 'interactions' | 'profiles' | 'feedback' | 'serve-logs';

const MAIN = join(repositoryRoot, 'cli', 'main.ts');

/** Starts `marquee run` with those processors in one process, on the bench's stack. */
export function startProcessors(
  context: Pick<RunContext, 'stack' | 'logFile' | 'settings'>,
  processors: readonly string[],
): StartedClient {
  return startChild({
    command: process.execPath,
    args: [MAIN, 'run', ...processors],
    env: { ...context.settings, MARQUEE_HOME: context.stack.home },
    logFile: context.logFile,
  });
}

/** Empties every table that processors write, positions and ledger included. */
export async function forgetEverything(context: Pick<RunContext, 'stack'>): Promise<void> {
  const sql = await context.stack.connect();
  try {
    const { rows } = await sql.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables t
        WHERE schemaname = 'marquee'
          AND tablename IN ('stream_offsets', 'stream_ledger', 'dead_letters', 'user_profiles',
            'user_history', 'profile_outbox', 'rt_user_interactions', 'profiles_event_ids',
            'recommendation_feedback', 'recommendation_logs')`,
    );
    await sql.query(`TRUNCATE ${rows.map(({ name }) => name).join(', ')}`);
  } finally {
    await sql.end();
  }
}

/** The processor under test: registry Avro, exactly once, resends removed. */
export function marqueeSystem(): System {
  return {
    name: 'Marquee interactions',
    description:
      'marquee run interactions, registry Avro; exactly once (offsets in the batch’s transaction), ' +
      'resends removed',
    table: MARQUEE_TABLE,
    reset: forgetEverything,
    start: (context) => Promise.resolve(startProcessors(context, ['interactions'])),
  };
}
