/** Rows of the archive that a rebuild takes; what the log will give is left to it. */
import type { ReplayStart } from '../../streams/replay/replay-plan.ts';
import type { Accepted, Processor } from '../../streams/runtime/processor.ts';
import type { ArchivedEvent } from './events.ts';
import type { Listing } from './listing.ts';
import type { ArchivedStretch } from './plan.ts';
import type { RowPlace } from './read-dates.ts';

type Bounds = Pick<Listing, 'floor' | 'settledBefore'>;

export interface RowRequest {
  readonly processor: Pick<Processor, 'source' | 'rowsCarryOffsets'>;
  /** Epoch ms: only what was received before. */
  readonly until: number;
  readonly starts: readonly ReplayStart[];
  readonly listing: Bounds & Pick<Listing, 'backfills'>;
  /** Offsets that the processor was let pass by. */
  readonly gaps: readonly ArchivedStretch[];
}

export function wantedRows(request: RowRequest): (place: RowPlace) => boolean {
  const { processor, until, listing, gaps } = request;
  const startOf = new Map(request.starts.map(({ partition, from }) => [partition, from]));
  const first = processor.rowsCarryOffsets ? rememberedFrom(listing) : -Infinity;
  return ({ topic, partition, offset, receivedAt, occurredAt }) => {
    if (receivedAt >= until) return false;
    if (topic !== processor.source.topic) return listing.backfills.includes(topic);
    if (occurredAt < first || offset >= (startOf.get(partition) ?? 0)) return false;
    return !gaps.some((g) => g.partition === partition && offset >= g.from && offset < g.to);
  };
}

/**
 * Epoch ms from which ids must be in the copies: from where the live tables have them, and before
 * as long as the log can hold a resend, which has to find its first copy. What is below the live
 * tables' floor is taken out again at the end.
 */
function rememberedFrom({ floor, settledBefore }: Bounds): number {
  return Math.min(settledBefore, floor ?? -Infinity);
}

/**
 * History that never was on the topic can't come again, but for what a late event could still be.
 */
export function mayComeAgain(
  { source }: Pick<Processor, 'source'>,
  bounds: Bounds,
): (entry: Accepted<unknown>) => boolean {
  const remembered = rememberedFrom(bounds);
  return (entry) => {
    const isLive = (entry as ArchivedEvent).topic === source.topic;
    return (source.timeMs(entry.event) ?? 0) >= (isLive ? remembered : bounds.settledBefore);
  };
}
