import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import type { TopicName } from '../../schemas/generated/topics.ts';

/** One processor on one topic. */
export interface Reader {
  readonly processor: string;
  readonly topic: TopicName;
}

/** Log ends by topic, in the order of partitions. */
export type LogEnds = ReadonlyMap<TopicName, readonly number[]>;

/** How far the processors are: `applied` of `total` records, over all partitions. */
export interface ConsumerPosition extends Reader {
  readonly applied: number;
  readonly total: number;
  /** Every partition is at its end. */
  readonly caughtUp: boolean;
}

export async function readLogEnds(
  brokers: readonly string[],
  topics: readonly TopicName[],
): Promise<LogEnds> {
  const { withAdmin } = await import('../../connectors/kafka/admin.ts');
  return withAdmin({ brokers, clientId: 'marquee-demo' }, async (admin) => {
    const ends = new Map<TopicName, readonly number[]>();
    for (const topic of new Set(topics)) {
      const offsets = await admin.fetchTopicOffsets(topic);
      const ordered = offsets.sort((a, b) => a.partition - b.partition);
      ends.set(
        topic,
        ordered.map(({ high }) => Number(high)),
      );
    }
    return ends;
  });
}

interface OffsetRow extends Record<string, unknown> {
  processor: string;
  topic: string;
  partition: number;
  next_offset: number;
}

export async function readConsumerPositions(
  session: Session,
  readers: readonly Reader[],
  ends: LogEnds,
): Promise<ConsumerPosition[]> {
  const rows = await session.query<OffsetRow>(
    'SELECT processor, topic, partition, next_offset FROM stream_offsets',
  );
  const nextOf = new Map(
    rows.map((row) => [`${row.processor}/${row.topic}/${row.partition}`, row.next_offset]),
  );
  return readers.map(({ processor, topic }) => {
    let applied = 0;
    let total = 0;
    let caughtUp = true;
    (ends.get(topic) ?? []).forEach((end, partition) => {
      const next = nextOf.get(`${processor}/${topic}/${partition}`) ?? 0;
      applied += Math.min(next, end);
      total += end;
      caughtUp &&= next >= end;
    });
    return { processor, topic, applied, total, caughtUp };
  });
}

/** True when the process with that pid has a partition of every reader. */
export async function ownsAll(
  session: Session,
  readers: readonly Reader[],
  pid: number,
): Promise<boolean> {
  const rows = await session.query<{ processor: string }>(
    `SELECT DISTINCT processor FROM stream_offsets WHERE split_part(owner, '/', 3) = $1`,
    [String(pid)],
  );
  const owned = new Set(rows.map(({ processor }) => processor));
  return readers.every(({ processor }) => owned.has(processor));
}

const POLL_MS = 150;

export interface CatchUpOptions {
  readonly session: Session;
  readonly readers: readonly Reader[];
  /** What is to be reached; may move on while sending. */
  ends(): LogEnds;
  /** False while more is being sent, or while nobody is there to apply it: then nothing is done. */
  isFinal(): boolean | Promise<boolean>;
  /** Throws when the processors can't go on. */
  check(): void;
  seen(standings: readonly ConsumerPosition[], isFinal: boolean): void;
  /** Without any progress for so long the wait is given up. */
  readonly stallMs: number;
}

/**
 * Waits until the offsets in the tables have reached the log's ends. Throws MARQUEE_DEMO_STALLED
 * when no processor moves any more.
 */
export async function untilCaughtUp(options: CatchUpOptions): Promise<void> {
  let movedAt = performance.now();
  let before = '';
  for (;;) {
    options.check();
    const isFinal = await options.isFinal();
    const standings = await readConsumerPositions(options.session, options.readers, options.ends());
    options.seen(standings, isFinal);
    if (isFinal && standings.every(({ caughtUp }) => caughtUp)) return;
    const now = standings.map(({ applied }) => applied).join(',');
    if (now !== before || !isFinal) movedAt = performance.now();
    before = now;
    if (performance.now() - movedAt > options.stallMs) throw stalled(standings, options.stallMs);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function stalled(standings: readonly ConsumerPosition[], stallMs: number): MarqueeError {
  const behind = standings
    .filter(({ caughtUp }) => !caughtUp)
    .map(({ processor, applied, total }) => `${processor} ${applied}/${total}`);
  return new MarqueeError(
    'MARQUEE_DEMO_STALLED',
    `no processor moved for ${Math.round(stallMs / 1000)} s, and not all are at the end: ` +
      behind.join(', '),
  );
}
