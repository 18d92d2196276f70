import { createEventStore } from '../runtime/commit/append-store.ts';
import { playbackErrors } from '../topics/playback-errors.ts';

export const createPlaybackErrorsStore = () =>
  createEventStore(playbackErrors, 'playback_errors', 'event_id', '1 day');
