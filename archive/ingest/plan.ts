import kafkajs from 'kafkajs';
import { withAdmin } from '../../connectors/kafka/admin.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { commitPlan, readOpenPlan } from '../manifest.ts';
import type { ArchivePlan, PlannedRange } from '../manifest.ts';
import { archived } from '../archived-topic.ts';
import type { ArchiveContext } from '../context.ts';
import { DAY_MS, HOUR_MS } from '../../common/time.ts';

export const TOPIC = archived.source.topic;
export const KEY = { processor: archived.name, topic: TOPIC };
/** The hot window, of which nothing is ever dropped. */
const WINDOW_MS = 48 * HOUR_MS;

/** The plan that an earlier run left, else a new one, committed. */
export async function planOf(
  session: Session,
  context: ArchiveContext,
  until: number | null,
): Promise<ArchivePlan> {
  const open = await readOpenPlan(session);
  if (open !== null) return open;
  const limit = until ?? Date.now() - WINDOW_MS;
  const ends = await offsetsAt(context.brokers, limit);
  const standing = await session.query<{ partition: number; next_offset: number }>(
    'SELECT partition, next_offset FROM stream_offsets WHERE processor = $1 AND topic = $2',
    [KEY.processor, KEY.topic],
  );
  const at = new Map(standing.map((row) => [row.partition, row.next_offset]));
  const ranges = ends.map(({ partition, start, end }): PlannedRange => {
    const from = at.get(partition) ?? start;
    return { partition, from, to: Math.max(from, end) };
  });
  context.failpoint('archive_before_plan');
  return commitPlan(session, TOPIC, limit, ranges);
}

/** Per partition where the log begins, and the first offset received at `limit` or later. */
function offsetsAt(
  brokers: readonly string[],
  limit: number,
): Promise<{ partition: number; start: number; end: number }[]> {
  return withAdmin({ brokers }, async (admin) => {
    const bounds = await admin.fetchTopicOffsets(TOPIC);
    const byTime = await admin.fetchTopicOffsetsByTimestamp(TOPIC, limit);
    const later = new Map(byTime.map(({ partition, offset }) => [partition, Number(offset)]));
    return bounds
      .map(({ partition, low, high }) => {
        const at = later.get(partition) ?? -1;
        return { partition, start: Number(low), end: at < 0 ? Number(high) : at };
      })
      .toSorted((a, b) => a.partition - b.partition);
  });
}

/** The topic must hold what the window, the late horizon and some lost nights ask for. */
export async function checkRetention(
  context: Pick<ArchiveContext, 'brokers' | 'runtime' | 'settings'>,
): Promise<void> {
  const value = await withAdmin({ brokers: context.brokers }, async (admin) => {
    const answer = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [
        { type: kafkajs.ConfigResourceTypes.TOPIC, name: TOPIC, configNames: ['retention.ms'] },
      ],
    });
    return answer.resources[0]?.configEntries.find(
      ({ configName }) => configName === 'retention.ms',
    )?.configValue;
  });
  const retention = Number(value ?? -1);
  const { lateHorizonMs } = context.runtime;
  const margin = context.settings.retentionMarginDays * DAY_MS;
  if (retention < 0 || retention >= WINDOW_MS + lateHorizonMs + margin) return;
  const hours = (ms: number) => `${ms / HOUR_MS} h`;
  throw new MarqueeError(
    'MARQUEE_ARCHIVE_RETENTION',
    `${TOPIC} keeps records for ${hours(retention)} (retention.ms ${retention}), but the hot ` +
      `window (${hours(WINDOW_MS)}), the late horizon (${hours(lateHorizonMs)}) and the margin for ` +
      `runs that fail (${hours(margin)}) ask for ${hours(WINDOW_MS + lateHorizonMs + margin)}: records could ` +
      'be gone before they are archived. Raise retention.ms (schemas/topics, `marquee topics apply`).',
  );
}
