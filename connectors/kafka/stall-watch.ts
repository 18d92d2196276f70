import { MarqueeError, asError } from '../../common/error.ts';
import type { LogClient } from './log-client.ts';
import { TOPIC_REPLACED, lossOutside } from './log-loss.ts';
import type { LogLoss } from './log-loss.ts';
import type { SubscribedPartition, SubscriptionState } from './subscription-state.ts';
import type { TopicIdentity } from './topic-identity.ts';

const LOOK_MS = 500;
const FIRST_CHECK_MS = 1_000;
const CHECK_MS_MAX = 10_000;
/** A partition with records to read that brings none for so long is asked for again. */
const ASK_AGAIN_MS = 15_000;
const EMPTY_LOG = { start: 0, end: 0 };

export interface StallWatchParts {
  readonly topic: string;
  readonly subscription: SubscriptionState;
  readonly identity: TopicIdentity;
  readonly log: LogClient;
  readonly isLive: (subscribed: SubscribedPartition) => boolean;
  readonly outOfLog: (subscribed: SubscribedPartition, loss: LogLoss) => void;
  readonly seekAgain: (subscribed: SubscribedPartition) => void;
  readonly fault: (error: Error) => void;
}

/** A partition at the position where it was first seen. */
interface Stall {
  readonly round: number;
  readonly position: number;
  readonly since: number;
  checkAt: number;
  waitMs: number;
}

/**
 * librdkafka's errors name no partition, and node-rdkafka drops those that come along with
 * messages. So a partition that doesn't advance is looked at from outside: is its topic the same,
 * and does the log still hold the offset?
 */
export interface StallWatch {
  /** Cheap; looks when it is time. */
  look(): void;
  /** The client met an error: the next look is due at once. */
  lookSoon(): void;
}

export function createStallWatch(parts: StallWatchParts): StallWatch {
  const { subscription, identity, log, isLive, outOfLog, seekAgain, fault } = parts;
  const stalls = new WeakMap<SubscribedPartition, Stall>();
  let nextLook = 0;
  let looking = false;
  let urgent = false;

  const lookNow = async (): Promise<void> => {
    const now = Date.now();
    const reading = subscription.all().filter((s) => s.phase === 'reading' && isLive(s));
    const due = reading.filter((subscribed) => isDue(stalls, subscribed, now, urgent));
    urgent = false;
    if (due.length === 0) return;
    const seen = new Map(due.map((s) => [s, { round: s.round, position: s.position }]));
    const isUnmoved = (subscribed: SubscribedPartition): boolean => {
      const { round, position } = seen.get(subscribed) ?? {};
      const same = subscribed.round === round && subscribed.position === position;
      return same && subscribed.phase === 'reading';
    };
    const partitions = due.map(({ partition }) => partition);
    const gone = await identity.gone(partitions);
    if (gone === undefined) {
      urgent = true;
      return;
    }
    for (const subscribed of due.filter(isUnmoved)) {
      if (gone.has(subscribed.partition)) outOfLog(subscribed, TOPIC_REPLACED);
    }
    const bounds = await log.bounds(parts.topic, partitions);
    for (const subscribed of due.filter(isUnmoved)) {
      const found = bounds.get(subscribed.partition) ?? EMPTY_LOG;
      const loss = lossOutside(found, subscribed.position);
      if (loss !== undefined) outOfLog(subscribed, loss);
      else if (mustSeekAgain(subscribed, found.end, stalls.get(subscribed), Date.now())) {
        stalls.delete(subscribed);
        seekAgain(subscribed);
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
          if (!isMissing) fault(asError(error));
        })
        .finally(() => {
          looking = false;
          nextLook = Date.now() + LOOK_MS;
        });
    },
    lookSoon: () => {
      urgent = true;
    },
  };
}

function isDue(
  stalls: WeakMap<SubscribedPartition, Stall>,
  subscribed: SubscribedPartition,
  now: number,
  urgent: boolean,
): boolean {
  const { round, position } = subscribed;
  const stall = stalls.get(subscribed);
  if (stall?.round !== round || stall.position !== position) {
    const checkAt = now + FIRST_CHECK_MS;
    stalls.set(subscribed, { round, position, since: now, checkAt, waitMs: FIRST_CHECK_MS });
    return urgent;
  }
  if (!urgent && now < stall.checkAt) return false;
  stall.waitMs = Math.min(CHECK_MS_MAX, stall.waitMs * 2);
  stall.checkAt = now + stall.waitMs;
  return true;
}

/** There is something to read, and it has not come for long. */
function mustSeekAgain(
  { position, paused }: SubscribedPartition,
  end: number,
  stall: Stall | undefined,
  now: number,
): boolean {
  return position < end && !paused && now - (stall?.since ?? Infinity) > ASK_AGAIN_MS;
}
