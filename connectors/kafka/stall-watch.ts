import { MarqueeError } from '../../common/error.ts';
import type { SubscribedPartition, SubscriptionState } from './subscription-state.ts';
import type { LogClient } from './log-client.ts';
import type { TopicIdentity } from './topic-identity.ts';

const LOOK_MS = 500;
const FIRST_CHECK_MS = 1_000;
const CHECK_MS_MAX = 10_000;
/** A partition with records to read that brings none for so long is asked for again. */
const ASK_AGAIN_MS = 15_000;

export interface StallWatchParts {
  readonly topic: string;
  readonly held: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly log: LogClient;
  readonly isLive: (entry: SubscribedPartition) => boolean;
  readonly raise: (entry: SubscribedPartition, detail: string) => void;
  readonly again: (entry: SubscribedPartition) => void;
  readonly fault: (error: Error) => void;
}

interface Stall {
  readonly round: number;
  readonly position: number;
  readonly since: number;
  checkAt: number;
  waitMs: number;
}

/**
 * librdkafka's errors name no partition, and node-rdkafka drops those that come along with messages.
 * So a partition that doesn't advance is looked at from outside: is its topic the same, and does the
 * log still hold the offset?
 */
export interface StallWatch {
  /** Cheap; looks when it is time. */
  look(): void;
  /** The client met an error: look at once. */
  soon(): void;
}

export function createStallWatch(parts: StallWatchParts): StallWatch {
  const stalls = new WeakMap<SubscribedPartition, Stall>();
  let nextLook = 0;
  let looking = false;
  let urgent = false;

  const lookNow = async (): Promise<void> => {
    const now = Date.now();
    const reading = parts.held.all().filter((e) => e.phase === 'reading' && parts.isLive(e));
    const due = reading.filter((entry) => isDue(stalls, entry, now, urgent));
    urgent = false;
    if (due.length === 0) return;
    const rounds = new Map(due.map((entry) => [entry, `${entry.round} ${entry.position}`]));
    const still = (e: SubscribedPartition): boolean =>
      e.phase === 'reading' && rounds.get(e) === `${e.round} ${e.position}`;
    const partitions = due.map(({ partition }) => partition);
    const gone = await parts.identity.gone(partitions);
    for (const entry of due) {
      if (still(entry) && gone?.has(entry.partition) === true) {
        parts.raise(entry, 'topic gone or made again');
      }
    }
    if (gone === undefined) {
      urgent = true;
      return;
    }
    const bounds = await parts.log.bounds(parts.topic, partitions);
    for (const entry of due.filter(still)) {
      const { start, end } = bounds.get(entry.partition) ?? { start: 0, end: 0 };
      const { position } = entry;
      if (position < start || position > end) {
        parts.raise(entry, `the log holds ${String(start)} to ${String(end)}`);
      } else if (position < end && !entry.paused && isOld(stalls, entry)) {
        stalls.delete(entry);
        parts.again(entry);
      }
    }
  };

  return {
    look: () => {
      if (looking || Date.now() < nextLook) return;
      looking = true;
      void lookNow()
        .catch((error: unknown) => {
          const isMissing = error instanceof MarqueeError && error.code === 'MARQUEE_TOPIC_MISSING';
          if (!isMissing) parts.fault(error instanceof Error ? error : new Error(String(error)));
        })
        .finally(() => {
          looking = false;
          nextLook = Date.now() + LOOK_MS;
        });
    },
    soon: () => {
      urgent = true;
    },
  };
}

function isDue(
  stalls: WeakMap<SubscribedPartition, Stall>,
  entry: SubscribedPartition,
  now: number,
  urgent: boolean,
): boolean {
  const { round, position } = entry;
  const stall = stalls.get(entry);
  if (stall?.round !== round || stall.position !== position) {
    const checkAt = now + FIRST_CHECK_MS;
    stalls.set(entry, { round, position, since: now, checkAt, waitMs: FIRST_CHECK_MS });
    return urgent;
  }
  if (!urgent && now < stall.checkAt) return false;
  stall.waitMs = Math.min(CHECK_MS_MAX, stall.waitMs * 2);
  stall.checkAt = now + stall.waitMs;
  return true;
}

function isOld(stalls: WeakMap<SubscribedPartition, Stall>, entry: SubscribedPartition): boolean {
  return Date.now() - (stalls.get(entry)?.since ?? Infinity) > ASK_AGAIN_MS;
}
