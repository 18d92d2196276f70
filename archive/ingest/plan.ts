import kafkajs from 'kafkajs';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { DAY_MS, HOUR_MS } from '../../common/time.ts';
import { ARCHIVED_TOPIC, ARCHIVE_KEY } from '../consumer.ts';
import type { ArchiveContext } from '../context.ts';
import { commitPlan, readOpenPlan } from './run-log.ts';
import type { RunPlan, PlannedRange } from './run-log.ts';

/** The hot window, of which nothing is ever dropped. */
const WINDOW_MS = 48 * HOUR_MS;

/** The plan that an earlier run left, else a new one, committed. */
export async function planRun(
  session: Session,
  context: ArchiveContext,
  until: number | null,
): Promise<RunPlan> {
  const open = await readOpenPlan(session);
  if (open !== null) return open;
  const limit = until ?? Date.now() - WINDOW_MS;
  const ends = await offsetsAt(context.brokers, limit);
  const positions = await session.query<{ partition: number; next_offset: number }>(
    'SELECT partition, next_offset FROM stream_offsets WHERE processor = $1 AND topic = $2',
    [ARCHIVE_KEY.processor, ARCHIVE_KEY.topic],
  );
  const nextOf = new Map(positions.map((row) => [row.partition, row.next_offset]));
  const ranges = ends.map(({ partition, start, end }): PlannedRange => {
    const from = nextOf.get(partition) ?? start;
    return { partition, from, to: Math.max(from, end) };
  });
  context.failpoint('archive_before_plan');
  return commitPlan(session, ARCHIVED_TOPIC, limit, ranges);
}

/** Per partition where the log begins, and the first offset received at `limit` or later. */
function offsetsAt(
  brokers: readonly string[],
  limit: number,
): Promise<{ partition: number; start: number; end: number }[]> {
  return withAdmin({ brokers }, async (admin) => {
    const bounds = await admin.fetchTopicOffsets(ARCHIVED_TOPIC);
    const byTime = await admin.fetchTopicOffsetsByTimestamp(ARCHIVED_TOPIC, limit);
    const later = new Map(byTime.map(({ partition, offset }) => [partition, Number(offset)]));
    return bounds
      .map(({ partition, low, high }) => {
        const at = later.get(partition) ?? -1;
        return { partition, start: Number(low), end: at < 0 ? Number(high) : at };
      })
      .toSorted((a, b) => a.partition - b.partition);
  });
}

/** Refuses a topic that keeps less than window, late horizon and some lost nights ask for. */
export async function checkRetention(
  context: Pick<ArchiveContext, 'brokers' | 'runtime' | 'settings'>,
): Promise<void> {
  const retention = await retentionMs(context.brokers);
  const { lateHorizonMs } = context.runtime;
  const margin = context.settings.retentionMarginDays * DAY_MS;
  if (retention < 0 || retention >= WINDOW_MS + lateHorizonMs + margin) return;
  const hours = (ms: number) => `${ms / HOUR_MS} h`;
  throw new MarqueeError(
    'MARQUEE_ARCHIVE_RETENTION',
    `${ARCHIVED_TOPIC} keeps records for ${hours(retention)} (retention.ms ${retention}), but ` +
      `the hot window (${hours(WINDOW_MS)}), the late horizon (${hours(lateHorizonMs)}) and the ` +
      `margin for runs that fail (${hours(margin)}) ask for ` +
      `${hours(WINDOW_MS + lateHorizonMs + margin)}: records could be gone before they are ` +
      'archived. Raise retention.ms (schemas/topics, `marquee topics apply`).',
  );
}

/** The topic's `retention.ms`; negative where records are kept for ever. */
async function retentionMs(brokers: readonly string[]): Promise<number> {
  const value = await withAdmin({ brokers }, async (admin) => {
    const answer = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: ARCHIVED_TOPIC,
          configNames: ['retention.ms'],
        },
      ],
    });
    return answer.resources[0]?.configEntries.find(
      ({ configName }) => configName === 'retention.ms',
    )?.configValue;
  });
  return Number(value ?? -1);
}
