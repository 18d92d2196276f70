import type { Ranked } from './steps.ts';
import type { DatedPin, Reserved } from './surface.ts';

export type Pin = Pick<DatedPin, 'movieId' | 'position'>;
export type Slots = Pick<Reserved, 'slots' | 'of' | 'movieIds'>;

export interface PlacedList {
  readonly items: readonly Ranked[];
  /** Movies that stand where the surface wants them: nothing may take their place. */
  readonly fixed: ReadonlySet<number>;
}

/**
 * The list's places from `firstPosition` on, `length` of them, with pinned movies at their positions
 * and reserved slots filled. A pin behind the end of a list that is too short stands at its end.
 * Pins and slots name only movies that may be shown.
 */
export function place(
  list: readonly Ranked[],
  pins: readonly Pin[],
  reserved: readonly Slots[],
  length: number,
  firstPosition = 1,
): PlacedList {
  if (pins.length === 0 && reserved.length === 0)
    return { items: list.slice(0, length), fixed: new Set() };
  const end = firstPosition + length;
  const fixed = new Set<number>();
  const at = new Map<number, number>();
  for (const { movieId, position } of pins) {
    const isHere = position >= firstPosition && position < end;
    if (!isHere || at.has(position) || fixed.has(movieId)) continue;
    at.set(position, movieId);
    fixed.add(movieId);
  }
  const scores = new Map<number, number>();
  let others: Ranked[] = [];
  for (const item of list)
    if (fixed.has(item.movieId)) scores.set(item.movieId, item.score);
    else others.push(item);
  // Smaller windows first: filling a larger one moves what they hold only upwards.
  for (const slots of reserved.toSorted((a, b) => a.of - b.of)) {
    const places = Math.min(slots.of - firstPosition + 1, length);
    const inside = [...at].filter(([position]) => position < firstPosition + places);
    others = reserve(
      others,
      slots,
      places,
      inside.map(([, movieId]) => movieId),
      fixed,
    );
  }
  const items: Ranked[] = [];
  let next = 0;
  for (let position = firstPosition; position < end; position++) {
    const movieId = at.get(position);
    if (movieId !== undefined) items.push(fixedItem(movieId, scores.get(movieId) ?? 0));
    // A pin may stand further down.
    else if (next < others.length) items.push(others[next++] as Ranked);
  }
  return { items, fixed };
}

/**
 * The movies that aren't pinned, with those of the set moved up that the first `places` lack: they take
 * the lowest of them that aren't fixed. Movies that fill slots are added to `fixed`.
 */
function reserve(
  others: readonly Ranked[],
  { slots, movieIds }: Slots,
  places: number,
  pinned: readonly number[],
  fixed: Set<number>,
): Ranked[] {
  const members = new Set(movieIds);
  let missing = slots - pinned.filter((movieId) => members.has(movieId)).length;
  const size = Math.max(0, places - pinned.length);
  const window = others.slice(0, size);
  for (const { movieId } of window)
    if (missing > 0 && members.has(movieId)) {
      fixed.add(movieId);
      missing--;
    }
  const isOpen = ({ movieId }: Ranked): boolean => !fixed.has(movieId);
  const room = size - window.length + window.filter(isOpen).length;
  const coming =
    missing > 0 ? newcomers(others, size, movieIds, fixed).slice(0, Math.min(missing, room)) : [];
  if (coming.length === 0) return [...others];
  const pushedOut: Ranked[] = [];
  for (let i = window.length - 1; window.length + coming.length > size && i >= 0; i--)
    if (isOpen(window[i] as Ranked)) pushedOut.unshift(...window.splice(i, 1));
  for (const { movieId } of coming) fixed.add(movieId);
  const rest = others.slice(size).filter(isOpen);
  return [...window, ...coming, ...pushedOut, ...rest];
}

/** Movies of the set that stand behind the window, as they are ranked, and then those that don't. */
function newcomers(
  others: readonly Ranked[],
  size: number,
  movieIds: readonly number[],
  fixed: ReadonlySet<number>,
): Ranked[] {
  const members = new Set(movieIds);
  const found: Ranked[] = [];
  others.forEach((item, i) => {
    if (!members.delete(item.movieId) || i < size || fixed.has(item.movieId)) return;
    found.push(fixedItem(item.movieId, item.score));
  });
  for (const movieId of members) if (!fixed.has(movieId)) found.push(fixedItem(movieId, 0));
  return found;
}

function fixedItem(movieId: number, score: number): Ranked {
  return { movieId, score, origin: 'pinned', propensity: 1 };
}
