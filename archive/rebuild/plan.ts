import { assertPositioned, refused } from '../../streams/replay/replay-plan.ts';
import type { LivePartition, ReplayStart } from '../../streams/replay/replay-plan.ts';

/** Offsets [from, to) of one partition, all of which the archive holds. */
export interface ArchivedStretch {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface RebuildRequest {
  readonly processor: string;
  readonly topic: string;
  readonly partitions: readonly LivePartition[];
  readonly archived: readonly ArchivedStretch[];
}

/**
 * Where each partition goes on from the log. The archive gives the offsets below: the start is the
 * last one in reach of the archive at which a range of the live ledger begins (an hour of receipt
 * at most before its end), so that the ledger's ranges join again. Throws MARQUEE_REPLAY_REFUSED
 * where records are in neither.
 */
export function planRebuild(request: RebuildRequest): ReplayStart[] {
  if (request.partitions.length === 0)
    throw refused(
      `${request.processor} has never run, so there are no tables to make again: start it once`,
    );
  assertPositioned(request);
  const stretches = new Map(request.archived.map((s) => [s.partition, s]));
  return request.partitions.map((live) => startOf(request, live, stretches.get(live.partition)));
}

function startOf(
  { processor, topic }: RebuildRequest,
  live: LivePartition,
  archived: ArchivedStretch | undefined,
): ReplayStart {
  const { partition, next, ledger, logStart } = live;
  const first = ledger[0]?.from ?? next;
  const reach = archived !== undefined && archived.from <= first ? archived.to : first;
  const last = ledger.at(-1);
  if (last === undefined)
    return { partition, from: next, ledgerFrom: next, kept: false, copyBelow: 0 };
  // All is archived: the log is not asked.
  if (reach >= next)
    return { partition, from: next, ledgerFrom: last.from, kept: true, copyBelow: 0 };
  const begin = ledger.findLast((range) => range.from <= reach && range.from >= logStart)?.from;
  if (begin !== undefined)
    return { partition, from: begin, ledgerFrom: begin, kept: false, copyBelow: 0 };
  const place = `${topic}/${partition}`;
  const holds =
    archived === undefined
      ? 'the archive holds nothing of it'
      : `the archive holds [${archived.from}, ${archived.to})`;
  throw refused(
    `${processor} has applied ${place} [${first}, ${next}), but ${holds} and the log ` +
      `starts at ${logStart}. If the archive is behind: \`marquee archive run --until now\``,
  );
}
