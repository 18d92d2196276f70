import type { CopyWriter } from '../../connectors/postgres/copy-writer.ts';
import { milli } from './core.ts';
import type { HistoryDelta } from './core.ts';
import type { StagedTable } from './staged-table.ts';

const SUMS = ['clicks', 'views', 'plays', 'completes', 'shares'];
const COLUMNS = [
  'user_id',
  'movie_id',
  'last_event_id',
  ...SUMS,
  'watched_milli',
  'rating_milli',
  'rating_event_id',
  'opinion',
  'opinion_event_id',
  'in_list',
  'list_event_id',
];

/** The value whose event is later; the id's order is the order of time. */
const later = (value: string, id: string) =>
  `${value} = CASE WHEN excluded.${id} > h.${id} OR (h.${id} IS NULL AND excluded.${id} IS NOT NULL)
     THEN excluded.${value} ELSE h.${value} END, ${id} = greatest(h.${id}, excluded.${id})`;

export const userHistory: StagedTable<HistoryDelta> = {
  staging: 'staged_user_history',
  columns: COLUMNS,
  types: [
    'text COLLATE "C"',
    'bigint',
    'uuid',
    ...SUMS.map(() => 'int'),
    'int',
    'int',
    'uuid',
    'smallint',
    'uuid',
    'boolean',
    'uuid',
  ],
  upsert: `
INSERT INTO user_history AS h (${COLUMNS.join(', ')})
SELECT ${COLUMNS.join(', ')} FROM staged_user_history ORDER BY user_id, movie_id
ON CONFLICT (user_id, movie_id) DO UPDATE SET
  last_event_id = greatest(h.last_event_id, excluded.last_event_id),
  ${SUMS.map((c) => `${c} = h.${c} + excluded.${c}`).join(', ')},
  watched_milli = greatest(h.watched_milli, excluded.watched_milli),
  ${later('rating_milli', 'rating_event_id')},
  ${later('opinion', 'opinion_event_id')},
  ${later('in_list', 'list_event_id')}`,
  write: writeHistory,
};

function writeHistory(out: CopyWriter, delta: HistoryDelta): void {
  const { rating, opinion, list } = delta;
  out.row(COLUMNS.length);
  out.text(delta.userId);
  out.int8(delta.movieId);
  out.raw(delta.last.event_id);
  out.int4(delta.clicks);
  out.int4(delta.views);
  out.int4(delta.plays);
  out.int4(delta.completes);
  out.int4(delta.shares);
  out.int4(delta.watchedMilli);
  out.int4(rating === null ? null : milli(rating.value ?? 0));
  out.raw(rating?.event_id ?? null);
  out.int2(opinion === null ? 0 : opinion.action === 'like' ? 1 : -1);
  out.raw(opinion?.event_id ?? null);
  out.bool(list?.action === 'list_add');
  out.raw(list?.event_id ?? null);
}
