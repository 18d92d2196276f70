import type { Random } from '../../common/random.ts';
import type { ListItem } from '../lists/list.ts';
import { explore } from '../ranking/exploration.ts';
import type { Surface } from '../ranking/surface.ts';

/**
 * A list with what its surface explores drawn into it, anew for each serve; propensities are exact, see
 * explore(). `pool` is what may be drawn.
 */
export function explored(
  items: readonly ListItem[],
  pool: readonly ListItem[],
  { exploration }: Surface,
  firstPosition: number,
  random: Random,
): readonly ListItem[] {
  if (exploration.share === 0 || pool.length === 0) return items;
  const byId = new Map([...items, ...pool].map((item) => [item.movieId, item]));
  const ranked = items.map(({ movieId, score, propensity, reason }) => ({
    ...{ movieId, score, propensity },
    origin: reason.kind === 'pinned' ? ('pinned' as const) : ('ranked' as const),
  }));
  const isOpen = ({ origin }: { readonly origin: string }, index: number): boolean =>
    origin !== 'pinned' && firstPosition + index >= exploration.fromPosition;
  const ids = pool.map(({ movieId }) => movieId);
  return explore(ranked, ids, { share: exploration.share, isOpen }, random).map(
    ({ movieId, score, origin, propensity }) => ({
      ...{ movieId, score, propensity },
      reason:
        origin === 'explored' ? { kind: 'exploration' } : (byId.get(movieId)?.reason ?? POPULAR),
    }),
  );
}

const POPULAR = { kind: 'popular' } as const;
