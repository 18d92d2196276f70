import { MarqueeError } from '../../common/error.ts';

/** DuckDB says it in its own words when a statement was ended. */
export function toInterrupted(error: unknown): unknown {
  return error instanceof MarqueeError && error.message.startsWith('INTERRUPT')
    ? new MarqueeError('MARQUEE_INTERRUPTED', 'the statement was ended', { cause: error })
    : error;
}
