import type { Reason } from '../ranking/reasons.ts';
import type { Algorithm, ListItem } from './list.ts';
import type { StoredList } from './stored-list.ts';

interface ItemJson {
  readonly movie_id: number;
  readonly score: number;
  readonly reason: { readonly kind: Reason['kind']; readonly movie_id?: number };
}

/** What a stored list's JSON says. It is ours: its checksum was right. */
export function parseStored(stored: StoredList): {
  readonly algorithm: Algorithm;
  readonly items: readonly ListItem[];
  readonly pool: readonly ListItem[];
} {
  const { algorithm, items } = JSON.parse(`{${stored.json(stored.all).toString()}]}`) as {
    readonly algorithm: Algorithm;
    readonly items: readonly ItemJson[];
  };
  const all = items.map(({ movie_id: movieId, score, reason }) => ({
    movieId,
    score,
    propensity: 1,
    reason: reasonOf(reason),
  }));
  return { algorithm, items: all.slice(0, stored.count), pool: all.slice(stored.count) };
}

function reasonOf({ kind, movie_id: movieId }: ItemJson['reason']): Reason {
  return kind === 'because_you' || kind === 'often_after'
    ? { kind, movieId: movieId ?? 0 }
    : { kind };
}
