import { MarqueeError } from '../../common/error.ts';

/** A partition of a live processor: where it stands, what its ledger covers, what the log holds. */
export interface LivePartition {
  readonly partition: number;
  readonly next: number;
  /** Ranges [from, to) of the ledger, in order. */
  readonly ledger: readonly { readonly from: number; readonly to: number }[];
  readonly logStart: number;
  readonly logEnd: number;
}

export interface ReplayStart {
  readonly partition: number;
  /** The first offset that is read again. */
  readonly from: number;
  /** The first offset that the replay's ledger accounts for. */
  readonly ledgerFrom: number;
  /** The log holds nothing that could be read again: the live state up to `from` is kept. */
  readonly kept: boolean;
  /** Rows of offsets before this are copied from the live tables; 0 when there are none. */
  readonly copyBelow: number;
}

export interface PlanRequest {
  readonly processor: string;
  readonly topic: string;
  /** Offset by partition from which to read again; null is from the beginning. */
  readonly wanted: ReadonlyMap<number, number> | null;
  /** The tables hold rows that stand alone, and not sums over all of them. */
  readonly rowsCarryOffsets: boolean;
  readonly partitions: readonly LivePartition[];
}

/**
 * Where each partition's replay begins: at the start of a ledger range, so that the ledger's ranges
 * join again. Throws MARQUEE_REPLAY_REFUSED where the log no longer holds what the tables need.
 */
export function planReplay(request: PlanRequest): ReplayStart[] {
  assertPositioned(request);
  return request.partitions.map((live) =>
    request.rowsCarryOffsets ? startOfRows(request, live) : startOfSums(request, live),
  );
}

/** The processor has run, and could go on. */
export function assertPositioned({
  processor,
  topic,
  partitions,
}: Pick<PlanRequest, 'processor' | 'topic' | 'partitions'>): void {
  if (partitions.length === 0)
    throw refused(`${processor} has never run, so there is nothing to replay`);
  for (const { partition, next, logStart, logEnd } of partitions) {
    if (next < logStart || next > logEnd)
      throw refused(
        `${processor} on ${topic}/${partition} stands at offset ${next}, outside the log ` +
          `[${logStart}, ${logEnd}); see \`marquee offsets show ${processor}\``,
      );
  }
}

/** Sums can only be made again from the first record on. */
function startOfSums({ processor, topic, wanted }: PlanRequest, live: LivePartition): ReplayStart {
  const { partition, next, logStart } = live;
  const first = live.ledger[0]?.from ?? next;
  if (wanted !== null && (wanted.get(partition) ?? next) > first)
    throw refused(
      `${processor} adds up all events, so its tables can't be made from the middle of ${topic}; ` +
        'use --from earliest',
    );
  if (logStart > first)
    throw refused(
      `${processor} adds up all events since offset ${first} of ${topic}/${partition}, but the ` +
        `log starts at ${logStart}: retention has removed what was before`,
    );
  return { partition, from: first, ledgerFrom: first, kept: false, copyBelow: 0 };
}

function startOfRows({ wanted }: PlanRequest, live: LivePartition): ReplayStart {
  const { partition, next, ledger, logStart } = live;
  const at = wanted === null ? 0 : (wanted.get(partition) ?? next);
  // The range that holds the offset; a later one where the log begins in its middle.
  const start =
    ledger.findLast((range) => range.from <= at && range.from >= logStart) ??
    ledger.find((range) => range.from >= logStart);
  if (start !== undefined) {
    const copyBelow = start === ledger[0] ? 0 : start.from;
    return { partition, from: start.from, ledgerFrom: start.from, kept: false, copyBelow };
  }
  const ledgerFrom = ledger.at(-1)?.from ?? next;
  return { partition, from: next, ledgerFrom, kept: ledger.length > 0, copyBelow: next };
}

export function refused(message: string): MarqueeError {
  return new MarqueeError('MARQUEE_REPLAY_REFUSED', message);
}
