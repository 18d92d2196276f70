import type { Command } from 'commander';
import { parseCount, parseTime } from '../terminal/parse.ts';
import type { DeadLetterFilter } from '../../operations/dead-letters.ts';

interface FilterFlags {
  readonly processor?: string;
  readonly reason?: string;
  readonly app?: string;
  readonly since?: number;
  readonly until?: number;
}

interface RedriveFlags extends FilterFlags {
  readonly all?: boolean;
  readonly again?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

export function register(program: Command): void {
  const dlq = program
    .command('dlq')
    .description('records that processors refused: list, look at, send again');
  withFilter(dlq.command('ls').description('the newest first, with the reason of each'))
    .option('--waiting', 'only those that were not redriven')
    .option('--limit <n>', 'at most so many', parseCount, 50)
    .option('--json', 'as JSON')
    .action(list);
  dlq
    .command('show')
    .description('one dead letter: reason, headers, the decoded value and its bytes')
    .argument('<place>', 'processor/topic/partition/offset')
    .action(show);
  withFilter(
    dlq
      .command('redrive')
      .description(
        'send again, to the processor that refused; only says what it would without --yes',
      ),
  )
    .option('--all', 'every dead letter, when no filter is given')
    .option('--again', 'also those that were redriven before')
    .option('--force', 'also records that came back 3 times, and those of compacted topics')
    .option('--dry-run', 'only say what would be sent (the default)')
    .option('--yes', 'do it')
    .action(redriveThem);
}

function withFilter(command: Command): Command {
  return command
    .option('--processor <name>', 'refused by this processor')
    .option('--reason <reason>', 'refused for this reason')
    .option('--app <app>', 'sent by this app, where that could be read')
    .option(
      '--since <time>',
      'first received then or later (2026-11-20T12:00Z, or 2h ago)',
      parseTime,
    )
    .option('--until <time>', 'first received before then', parseTime);
}

async function filterOf(flags: FilterFlags): Promise<DeadLetterFilter> {
  const { processorNamed } = await import('../../operations/processor-named.ts');
  const { DEAD_LETTER_REASONS } = await import('../../schemas/reasons.ts');
  const { MarqueeError } = await import('../../common/error.ts');
  if (flags.processor !== undefined) processorNamed(flags.processor);
  if (flags.reason !== undefined && !Object.hasOwn(DEAD_LETTER_REASONS, flags.reason))
    throw new MarqueeError(
      'MARQUEE_UNKNOWN_REASON',
      `there is no reason "${flags.reason}"; there are ${Object.keys(DEAD_LETTER_REASONS).join(', ')}`,
    );
  const { processor, reason, app, since, until } = flags;
  return {
    ...(processor === undefined ? {} : { processor }),
    ...(reason === undefined ? {} : { reason }),
    ...(app === undefined ? {} : { app }),
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(until === undefined ? {} : { untilMs: until }),
  };
}

async function list(
  flags: FilterFlags & { waiting?: boolean; limit: number; json?: boolean },
): Promise<void> {
  const { loadConfig } = await import('../config/config.ts');
  const letters = await import('../../operations/dead-letters.ts');
  const { print, printJson, withSession } = await import('../terminal/output.ts');
  const filter = await filterOf(flags);
  await withSession(loadConfig().postgres.writerUrl, 'dlq', async (session) => {
    const waiting = flags.waiting === true;
    const lines = await letters.listDeadLetters(session, {
      ...filter,
      waiting,
      limit: flags.limit,
    });
    if (flags.json === true) {
      printJson(lines.map((line) => ({ place: letters.placeOf(line), ...line })));
      return;
    }
    if (lines.length > 0) print(letters.describeDeadLetters(lines));
    const counts = await letters.countDeadLetters(session, filter);
    for (const { processor, reason, count, waiting: left } of counts)
      print(`${processor}, ${reason}: ${count}, of which ${left} wait`);
    if (counts.length === 0) print('no dead letters');
  });
}

async function show(place: string): Promise<void> {
  const { loadConfig } = await import('../config/config.ts');
  const { createCodec } = await import('../../connectors/registry/codec.ts');
  const { readDeadLetter } = await import('../../operations/dead-letters.ts');
  const { describeDeadLetter } = await import('../operations/show-record.ts');
  const { print, withSession } = await import('../terminal/output.ts');
  const config = loadConfig();
  const letter = await withSession(config.postgres.writerUrl, 'dlq', (session) =>
    readDeadLetter(session, place),
  );
  print(await describeDeadLetter(createCodec({ url: config.registry.url }), letter));
}

async function redriveThem(flags: RedriveFlags): Promise<void> {
  const { loadConfig } = await import('../config/config.ts');
  const { createRawProducer } = await import('../../connectors/kafka/raw-producer.ts');
  const { planRedrive, redrive } = await import('../../operations/redrive.ts');
  const { print, withSession } = await import('../terminal/output.ts');
  const { MarqueeError } = await import('../../common/error.ts');
  const filter = await filterOf(flags);
  if (Object.keys(filter).length === 0 && flags.all !== true)
    throw new MarqueeError(
      'MARQUEE_REDRIVE_UNBOUNDED',
      'say which: --processor, --reason, --app, --since, --until, or --all',
    );
  const config = loadConfig();
  const options = { ...filter, force: flags.force === true, again: flags.again === true };
  await withSession(config.postgres.writerUrl, 'dlq', async (session) => {
    const plans = await planRedrive(session, options);
    for (const { processor, topic, reason, due, redriven, loops, compacted } of plans) {
      const left = [
        redriven > 0 ? `${redriven} redriven before (--again)` : '',
        loops > 0 ? `${loops} came back too often (--force)` : '',
        compacted > 0 ? `${compacted} of a compacted topic: publish them anew (or --force)` : '',
      ].filter((text) => text !== '');
      const leftOut = left.length === 0 ? '' : `; left out: ${left.join(', ')}`;
      print(`${processor}, ${reason}: ${due} go to ${topic}${leftOut}`);
    }
    if (plans.every(({ due }) => due === 0)) {
      print('nothing to redrive');
      return;
    }
    if (flags.yes !== true) {
      print('nothing was sent; say --yes to do it');
      return;
    }
    const producer = createRawProducer({
      brokers: config.kafka.brokers,
      clientId: 'marquee-redrive',
    });
    try {
      print(`${await redrive(session, producer, options)} sent`);
    } finally {
      await producer.close();
    }
  });
}
