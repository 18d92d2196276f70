import { MarqueeError } from '../../common/error.ts';
import { createRawProducer } from '../../connectors/kafka/raw-producer.ts';
import { createCodec } from '../../connectors/registry/codec.ts';
import {
  countDeadLetters,
  listDeadLetters,
  placeOf,
  readDeadLetter,
} from '../../operations/dead-letters.ts';
import type { DeadLetterFilter, DeadLetterLine } from '../../operations/dead-letters.ts';
import { processorNamed } from '../../operations/processor-named.ts';
import { planRedrive, redrive } from '../../operations/redrive.ts';
import type { RedrivePlan } from '../../operations/redrive.ts';
import { DEAD_LETTER_REASONS } from '../../schemas/reasons.ts';
import { loadConfig } from '../config/config.ts';
import { withSession } from '../config/session.ts';
import { formatTime, left, print, printJson, right, table } from '../terminal/output.ts';
import { describeDeadLetter } from './show-record.ts';

interface FilterFlags {
  readonly processor?: string;
  readonly reason?: string;
  readonly app?: string;
  readonly since?: number;
  readonly until?: number;
}

export interface ListFlags extends FilterFlags {
  readonly waiting?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

export interface RedriveFlags extends FilterFlags {
  readonly all?: boolean;
  readonly again?: boolean;
  readonly force?: boolean;
  readonly yes?: boolean;
}

/** The command `marquee dlq ls`. */
export async function showDeadLetters(flags: ListFlags): Promise<void> {
  const filter = filterOf(flags);
  const { limit, waiting = false } = flags;
  await withSession(loadConfig().postgres.writerUrl, 'dlq', async (session) => {
    const lines = await listDeadLetters(session, { ...filter, waiting, limit });
    if (flags.json === true) {
      printJson(lines.map((line) => ({ place: placeOf(line), ...line })));
      return;
    }
    if (lines.length > 0) print(describeDeadLetters(lines));
    const counts = await countDeadLetters(session, filter);
    for (const { processor, reason, count, waiting: due } of counts)
      print(`${processor}, ${reason}: ${count}, of which ${due} wait`);
    if (counts.length === 0) print('no dead letters');
  });
}

/** The command `marquee dlq show`. */
export async function showDeadLetter(place: string): Promise<void> {
  const { postgres, registry } = loadConfig();
  const letter = await withSession(postgres.writerUrl, 'dlq', (session) =>
    readDeadLetter(session, place),
  );
  print(await describeDeadLetter(createCodec({ url: registry.url }), letter));
}

/** The command `marquee dlq redrive`: without --yes it only says what it would do. */
export async function redriveDeadLetters(flags: RedriveFlags): Promise<void> {
  const filter = filterOf(flags);
  if (Object.keys(filter).length === 0 && flags.all !== true)
    throw new MarqueeError(
      'MARQUEE_REDRIVE_UNBOUNDED',
      'say which: --processor, --reason, --app, --since, --until, or --all',
    );
  const { kafka, postgres } = loadConfig();
  const options = { ...filter, force: flags.force === true, again: flags.again === true };
  await withSession(postgres.writerUrl, 'dlq', async (session) => {
    const plans = await planRedrive(session, options);
    for (const plan of plans) print(describePlan(plan));
    if (plans.every(({ due }) => due === 0)) {
      print('nothing to redrive');
      return;
    }
    if (flags.yes !== true) {
      print('nothing was sent; say --yes to do it');
      return;
    }
    const producer = createRawProducer({ brokers: kafka.brokers, clientId: 'marquee-redrive' });
    try {
      print(`${await redrive(session, producer, options)} sent`);
    } finally {
      await producer.close();
    }
  });
}

function filterOf(flags: FilterFlags): DeadLetterFilter {
  const { processor, reason, app, since, until } = flags;
  if (processor !== undefined) processorNamed(processor);
  if (reason !== undefined && !Object.hasOwn(DEAD_LETTER_REASONS, reason))
    throw new MarqueeError(
      'MARQUEE_UNKNOWN_REASON',
      `there is no reason "${reason}"; there are ${Object.keys(DEAD_LETTER_REASONS).join(', ')}`,
    );
  return {
    ...(processor === undefined ? {} : { processor }),
    ...(reason === undefined ? {} : { reason }),
    ...(app === undefined ? {} : { app }),
    ...(since === undefined ? {} : { sinceMs: since }),
    ...(until === undefined ? {} : { untilMs: until }),
  };
}

function describePlan(plan: RedrivePlan): string {
  const { processor, topic, reason, due, redriven, loops, compacted } = plan;
  const notSent = [
    redriven > 0 ? `${redriven} redriven before (--again)` : '',
    loops > 0 ? `${loops} came back too often (--force)` : '',
    compacted > 0 ? `${compacted} of a compacted topic: publish them anew (or --force)` : '',
  ].filter((text) => text !== '');
  const leftOut = notSent.length === 0 ? '' : `; left out: ${notSent.join(', ')}`;
  return `${processor}, ${reason}: ${due} go to ${topic}${leftOut}`;
}

function describeDeadLetters(lines: readonly DeadLetterLine[]): string {
  return table(
    [
      left('first received'),
      left('reason'),
      left('app'),
      right('bytes'),
      right('replays'),
      left('redriven'),
      left('place'),
      left('detail'),
    ],
    lines.map((line) => [
      formatTime(line.firstReceivedAt),
      line.reason,
      line.app ?? '-',
      line.bytes === null ? 'null' : `${line.bytes}`,
      `${line.replayCount}`,
      formatTime(line.redrivenAt),
      placeOf(line),
      line.detail,
    ]),
  );
}
