import type { Command } from 'commander';
import type { Tail } from '../../operations/events.ts';
import { parseCount, parseTime } from '../terminal/parse.ts';

interface Flags {
  readonly user?: string;
  readonly app?: string;
  readonly since: number;
  readonly limit: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

const FOLLOW_MS = 1_000;

export function register(program: Command): void {
  const events = program.command('events').description('what apps sent, and what became of it');
  events
    .command('tail')
    .description('the newest events of a user or an app, and what each processor did with them')
    .option('--user <id>', 'of this user')
    .option('--app <name>', 'of this app')
    .option('--since <time>', 'received then or later (2026-11-20T12:00Z, or 2h ago)', parseTime)
    .option('--limit <n>', 'at most so many, the newest', parseCount, 20)
    .option('--follow', 'go on with what comes, until interrupted')
    .option('--json', 'as JSON, one event a line')
    .action(async (flags: Partial<Flags> & { limit: number }) => {
      await tail({ ...flags, since: flags.since ?? parseTime('1h') });
    });
}

async function tail(flags: Flags): Promise<void> {
  const { setTimeout: delay } = await import('node:timers/promises');
  const { loadConfig } = await import('../config/config.ts');
  const { MarqueeError } = await import('../../common/error.ts');
  const { tailEvents } = await import('../../operations/events.ts');
  const { withSession } = await import('../terminal/output.ts');
  if (flags.user === undefined && flags.app === undefined)
    throw new MarqueeError('MARQUEE_TAIL_UNBOUNDED', 'say whose: --user ID or --app NAME');
  const config = loadConfig();
  const options = {
    brokers: config.kafka.brokers,
    registryUrl: config.registry.url,
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.app === undefined ? {} : { app: flags.app }),
    sinceMs: flags.since,
    limit: flags.limit,
    lateHorizonMs: config.runtime.settings.lateHorizonMs,
  };
  await withSession(config.postgres.writerUrl, 'events', async (session) => {
    let found = await tailEvents(session, options);
    await show(found, flags);
    while (flags.follow === true) {
      await delay(FOLLOW_MS);
      found = await tailEvents(session, options, found.ends);
      await show(found, { ...flags, quiet: true });
    }
  });
}

async function show(found: Tail, flags: Flags & { quiet?: boolean }): Promise<void> {
  const { describeEvent } = await import('../../operations/events.ts');
  const { print } = await import('../terminal/output.ts');
  const { readable } = await import('../operations/show-record.ts');
  for (const tailed of found.events)
    print(flags.json === true ? JSON.stringify(readable(tailed)) : describeEvent(tailed));
  if (flags.json === true || flags.quiet === true) return;
  print(`${found.events.length} shown of ${found.read} records read`);
  if (found.unreadable > 0)
    print(
      `${found.unreadable} records could not be read, so whose they are is not known: see marquee dlq ls`,
    );
}
