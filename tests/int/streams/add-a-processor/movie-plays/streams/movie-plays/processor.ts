import { defineProcessor } from '../runtime/processor.ts';
import { userActions } from '../topics/user-actions.ts';
import { isPlay } from './core.ts';
import { createMoviePlaysStore } from './store.ts';

/**
 * Idempotency zone. Reads user-actions.v1; writes movie_plays, plays and completes by movie and day.
 * Key: event_id, kept in movie_plays_event_ids for as long as a resend can count; the same batch
 * twice finds its ids there and adds nothing.
 */
export const moviePlays = defineProcessor({
  name: 'movie-plays',
  source: userActions,
  relevant: isPlay,
  irrelevantBecause: 'is no play',
  wantsRows: false,
  batchRowsMax: 16_384,
  batchBytesMax: 16 * 1024 * 1024,
  workers: 1,
  createStore: createMoviePlaysStore,
  tables: ['movie_plays', 'movie_plays_event_ids'],
  retention: [
    {
      table: 'movie_plays_event_ids',
      setting: 'moviePlaysEventIdsHours',
      unit: 'hours',
      env: 'MARQUEE_RETENTION_MOVIE_PLAYS_IDS_HOURS',
      default: 72,
      min: 26,
      description: 'hours that movie-plays remembers events, to count a resend once; at least 26',
    },
  ],
  appliedIds: { table: 'movie_plays_event_ids', column: 'event_id' },
  rowsCarryOffsets: false,
});
