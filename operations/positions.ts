import type { LogBounds } from '../connectors/kafka/port.ts';
import type { Session } from '../connectors/postgres/session.ts';
import { MarqueeError } from '../common/error.ts';
import { identityOf } from '../streams/runtime/commit/offsets.ts';
import type { Processor } from '../streams/runtime/processor.ts';
import { TOPICS } from '../schemas/generated/topics.ts';
import { readRecords } from '../connectors/kafka/read-records.ts';
import { readLogBounds } from './log-bounds.ts';

/** The log against the one that was processed, by the last record that is in the tables. */
export type LogIdentity = 'same' | 'another' | 'unknown';

export interface StoredPosition {
  readonly partition: number;
  readonly next: number;
  readonly last: { readonly offset: number; readonly identity: Buffer } | null;
  readonly owner: string | null;
  /** The owner has a connection to Postgres. */
  readonly connected: boolean;
}

export interface PositionReport extends StoredPosition {
  readonly log: LogBounds | null;
  readonly identity: LogIdentity;
  readonly verdict: string;
}

export async function readPositions(
  session: Session,
  processor: Processor,
): Promise<StoredPosition[]> {
  const rows = await session.query<{
    partition: number;
    next_offset: number;
    last_offset: number | null;
    last_identity: Buffer | null;
    owner: string | null;
    connected: boolean;
  }>(
    `SELECT partition, next_offset, last_offset, last_identity, owner,
       EXISTS (SELECT FROM pg_stat_activity a WHERE a.application_name = owner) AS connected
     FROM stream_offsets WHERE processor = $1 AND topic = $2 ORDER BY partition`,
    [processor.name, processor.source.topic],
  );
  return rows.map((row) => ({
    partition: row.partition,
    next: row.next_offset,
    last:
      row.last_offset === null || row.last_identity === null
        ? null
        : { offset: row.last_offset, identity: row.last_identity },
    owner: row.owner,
    connected: row.connected,
  }));
}

/** Holds stored positions against the log: its bounds, and the last record applied. */
async function inspectPositions(
  brokers: readonly string[],
  processor: Processor,
  positions: readonly StoredPosition[],
  bounds: ReadonlyMap<number, LogBounds>,
): Promise<PositionReport[]> {
  const { topic } = processor.source;
  const compacted = TOPICS[topic].cleanup === 'compact';
  const ranges = new Map<number, { from: number; to: number }>();
  for (const { partition, last } of positions) {
    const log = bounds.get(partition);
    if (last !== null && log !== undefined && last.offset >= log.start && last.offset < log.end)
      ranges.set(partition, { from: last.offset, to: last.offset + 1 });
  }
  const found = new Map<number, Buffer>();
  await readRecords({
    brokers,
    topic,
    ranges,
    onRecords(partition, [record]) {
      if (record !== undefined) found.set(partition, identityOf(record));
    },
  });
  return positions.map((position) => {
    const { partition, last, next } = position;
    const log = bounds.get(partition) ?? null;
    const identity = found.get(partition);
    let is: LogIdentity = 'unknown';
    if (last !== null && identity !== undefined)
      is = identity.equals(last.identity) ? 'same' : 'another';
    else if (ranges.has(partition) && !compacted) is = 'another';
    return { ...position, log, identity: is, verdict: verdictOf(next, log, is) };
  });
}

/** The stored positions of a processor against the log as it is now. */
export async function readPositionReports(
  session: Session,
  brokers: readonly string[],
  processor: Processor,
): Promise<PositionReport[]> {
  const { topic } = processor.source;
  const bounds = (await readLogBounds(brokers, [topic])).get(topic) ?? new Map<number, LogBounds>();
  const positions = await readPositions(session, processor);
  return inspectPositions(brokers, processor, positions, bounds);
}

/** True where the processor can go on by itself, and misses nothing that is known of. */
export function isSound({ next, log, identity }: PositionReport): boolean {
  return log !== null && identity !== 'another' && next >= log.start && next <= log.end;
}

function verdictOf(next: number, log: LogBounds | null, identity: LogIdentity): string {
  if (log === null) return 'the topic has no such partition';
  if (identity === 'another') return 'ANOTHER LOG: the topic was deleted and made again';
  if (next > log.end) return 'BEYOND THE END: the topic was made again, or the broker lost records';
  if (next < log.start)
    return `${counted(log.start - next)} RECORDS LOST: removed from the log before they were read`;
  return identity === 'same' ? 'good' : 'good, as far as can be told';
}

export interface ResetPlan {
  readonly partition: number;
  readonly standsAt: number;
  readonly goesOnAt: number;
  readonly anotherLog: boolean;
  readonly log: LogBounds;
  /** The consequence for the records, in a sentence. */
  readonly meaning: string;
}

export interface ResetRequest {
  readonly to: 'start' | 'end' | number;
  /** The operator knows that the topic was made again, where that can't be seen. */
  readonly anotherLog: boolean;
}

/** Decides what a reset would do. Throws MARQUEE_RESET_REFUSED where it must not be done. */
export function planReset(report: PositionReport, request: ResetRequest): ResetPlan {
  const { partition, next, log, identity } = report;
  if (log === null) throw resetRefused(`partition ${partition}: ${report.verdict}`);
  const anotherLog = request.anotherLog || identity === 'another' || next > log.end;
  const goesOnAt = request.to === 'start' ? log.start : request.to === 'end' ? log.end : request.to;
  if (goesOnAt < log.start || goesOnAt > log.end)
    throw resetRefused(
      `partition ${partition}: offset ${goesOnAt} is not in the log [${log.start}, ${log.end})`,
    );
  if (!anotherLog && goesOnAt === next)
    throw resetRefused(`partition ${partition} stands at ${next} already`);
  if (!anotherLog && goesOnAt < next)
    throw resetRefused(
      `partition ${partition}: ${goesOnAt} lies before ${next}, where it stands, in the same log. ` +
        'Records up to there are in the tables; to make the tables again use `marquee replay`. ' +
        'If the topic was made again, say --another-log',
    );
  const plan = { partition, standsAt: next, goesOnAt, anotherLog, log };
  return { ...plan, meaning: meaningOf(plan) };
}

function meaningOf({ standsAt, goesOnAt, anotherLog, log }: Omit<ResetPlan, 'meaning'>): string {
  if (anotherLog)
    return (
      'the log before is gone, with what was not yet applied of it; its ledger rows and dead ' +
      `letters are set apart, and ${counted(goesOnAt - log.start)} records of the new log are skipped`
    );
  const gone = Math.max(0, Math.min(log.start, goesOnAt) - standsAt);
  const skipped = goesOnAt - standsAt - gone;
  return (
    `${counted(gone)} offsets that the log no longer holds and ${counted(skipped)} that it ` +
    'does hold are never applied'
  );
}

function counted(records: number): string {
  return records.toLocaleString('en-US');
}

function resetRefused(message: string): MarqueeError {
  return new MarqueeError('MARQUEE_RESET_REFUSED', message);
}

/** Throws MARQUEE_OWNER_ALIVE when a process may still hold the partition. */
export function assertNobodyRuns(
  processor: Processor,
  members: readonly string[],
  positions: readonly StoredPosition[],
): void {
  const connected = new Set(positions.filter((p) => p.connected).map((p) => p.owner ?? ''));
  if (members.length === 0 && connected.size === 0) return;
  const who = [
    ...members.map((m) => `group member ${m}`),
    ...[...connected].map((c) => `owner ${c}`),
  ];
  throw new MarqueeError(
    'MARQUEE_OWNER_ALIVE',
    `${processor.name} is running (${who.join(', ')}): stop it first. A process that was killed ` +
      'leaves its group after the session timeout',
  );
}

/** Does what was planned, and returns the number of the record of it in offset_resets. */
export async function applyReset(
  session: Session,
  processor: Processor,
  plan: ResetPlan,
  note: string,
): Promise<number> {
  const [row] = await session.query<{ id: number }>(
    'SELECT reset_offset($1, $2, $3, $4, $5, $6, $7, $8, $9) AS id',
    [
      processor.name,
      processor.source.topic,
      plan.partition,
      plan.standsAt,
      plan.goesOnAt,
      plan.anotherLog,
      plan.log.start,
      plan.log.end,
      note,
    ],
  );
  if (row === undefined) throw new Error('reset_offset returned nothing');
  return row.id;
}
