import type { SubscribedPartition } from '../subscription-state.ts';

/** A partition as librdkafka was last told of it. */
export interface ClientState {
  /** The start that it reads by. */
  round: number;
  paused: boolean;
}

const OFFSET_END = -1;

/** The offset at which librdkafka begins with a partition; a silent one waits at the end. */
export function firstOffset({ partition, phase, position }: SubscribedPartition): {
  readonly partition: number;
  readonly offset: number;
} {
  return { partition, offset: phase === 'reading' ? position : OFFSET_END };
}

/** It was started again since librdkafka was told. */
export function isSeekDue({ phase, round }: SubscribedPartition, told: ClientState): boolean {
  return phase === 'reading' && told.round !== round;
}

/**
 * A short pause is left to what keeps the batch under way (`undelivered`): pausing librdkafka
 * throws away what it has fetched ahead.
 */
export function isPauseWanted({ phase, paused, undelivered }: SubscribedPartition): boolean {
  return phase !== 'reading' || (paused && undelivered !== undefined);
}
