import { openSession } from '../../connectors/postgres/session.ts';
import type { Session } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import type { TableComparison } from './compare-tables.ts';
import type { ReplayOptions, ReplayProgress } from './replay-options.ts';
import type { ReplayStart } from './replay-plan.ts';
import type { ReplayProcess } from './replay-process.ts';
import { readPositions } from './shadow-tables.ts';
import type { Positions, ShadowPlace } from './shadow-tables.ts';

/** Sessions and copies of a replay under way, and the processor at work on them. */
export interface ReplayContext {
  /** Locks the live offsets, and swaps. */
  readonly control: Session;
  /** Follows and completes the copies. */
  readonly work: Session;
  readonly place: ShadowPlace;
  readonly starts: readonly ReplayStart[];
  readonly process: ReplayProcess;
}

/** The end of a replay, where its tables claim to be those of live. */
export interface ReplayEnd {
  readonly positions: Positions;
  readonly carriedOver: number;
  readonly comparisons: readonly TableComparison[];
}

export function openReplaySession(
  { processor, postgresUrl }: ReplayOptions,
  what: 'control' | 'work' | 'compare',
): Promise<Session> {
  return openSession({
    url: postgresUrl,
    applicationName: `marquee-replay-${what}-${processor.name}`,
  });
}

export function livePositions(
  session: Session,
  place: ShadowPlace,
  lock: '' | 'FOR UPDATE' = '',
): Promise<Positions> {
  return readPositions(session, place.live, place.processor, place.topic, lock);
}

export function replayedPositions(session: Session, place: ShadowPlace): Promise<Positions> {
  return readPositions(session, place.replayed, place.consumerName, place.topic);
}

/** Throws MarqueeError MARQUEE_REPLAY_CANCELLED once the signal has come. */
export function assertWanted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new MarqueeError('MARQUEE_REPLAY_CANCELLED', 'it was ended; nothing changed');
}

export function tellProgress(
  { onProgress }: ReplayOptions,
  phase: ReplayProgress['phase'],
  done: number,
  due: number,
): void {
  onProgress?.({ phase, done, due });
}
