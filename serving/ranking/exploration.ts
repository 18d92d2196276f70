import type { Random } from '../../common/random.ts';
import type { Ranked } from './steps.ts';

export interface Exploration {
  /** Probability that a position that is open to it shows a movie of the pool. */
  readonly share: number;
  /** Places of the list that may be given away, from 0. */
  isOpen(item: Ranked, index: number): boolean;
}

/**
 * Each open place shows, with probability `share` and on its own, a movie of the pool in the place of
 * its own, drawn evenly without one being drawn twice. By symmetry a movie of the pool stands at such
 * a place with probability share / pool, and the place's own with 1 - share. The pool holds no movie of
 * the list. Of more open places than the pool has movies only the first so many are given away:
 * else what was drawn before would decide.
 */
export function explore(
  list: readonly Ranked[],
  pool: readonly number[],
  { share, isOpen }: Exploration,
  random: Random,
): readonly Ranked[] {
  if (share === 0 || pool.length === 0) return list;
  const left = pool.slice();
  let open = 0;
  return list.map((item, i) => {
    if (open === pool.length || !isOpen(item, i)) return item;
    open++;
    if (random.next() >= share) return { ...item, propensity: item.propensity * (1 - share) };
    const drawn = random.below(left.length);
    const movieId = left[drawn] as number;
    left[drawn] = left[left.length - 1] as number;
    left.pop();
    return { movieId, score: 0, origin: 'explored', propensity: share / pool.length };
  });
}
