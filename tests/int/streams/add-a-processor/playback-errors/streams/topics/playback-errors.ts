import type { PlaybackError } from '../../schemas/generated/types.ts';
import { idTimeProblem, isMovieId, problem, textProblem } from '../../schemas/problem.ts';
import type { Source } from '../runtime/processor.ts';
import { keyFault } from './key.ts';

/** playback-errors.v1: what went wrong at players. Keyed by user_id; the id's time is the error's. */
export const playbackErrors: Source<PlaybackError> = {
  topic: 'playback-errors.v1',
  tombstones: false,
  check(event, record) {
    const { event_id: id, occurred_at: at, bitrate } = event;
    const found =
      idTimeProblem('event_id', id, 'occurred_at', at) ??
      textProblem('user_id', event.user_id, { min: 1, max: 256 }) ??
      textProblem('code', event.code, { min: 1, max: 64 }) ??
      textProblem('app', event.app, { min: 1, max: 64 }) ??
      (isMovieId(event.movie_id) ? null : problem('movie_id', 'out_of_range', 'is no movie')) ??
      (bitrate === null || bitrate > 0 ? null : problem('bitrate', 'out_of_range', 'is below 1'));
    if (found !== null) return { reason: found.reason, detail: found.message };
    return keyFault(record.key, event.user_id, 'user_id');
  },
  fromTombstone: () => ({ reason: 'null_value', detail: 'the value is null' }),
  id: (event) => event.event_id,
  timeMs: (event) => event.occurred_at,
  app: (event) => event.app,
  contentColumns: ['event_id', 'occurred_at', 'movie_id', 'bitrate', 'user_id', 'code', 'app'],
  writeContent(out, event) {
    out.raw(event.event_id);
    out.timestamptz(event.occurred_at);
    out.int8(event.movie_id);
    out.int4(event.bitrate);
    out.text(event.user_id);
    out.text(event.code);
    out.text(event.app);
  },
};
