import type { Catalogue } from './catalogue.ts';
import type { Ranked } from './steps.ts';
import type { Diversity } from './surface.ts';

/**
 * Rearranges the list; nothing is left out. Its first `needed` places are chosen; what is behind them
 * keeps its order.
 */
export function diversify(
  list: readonly Ranked[],
  catalogue: Catalogue,
  diversity: Diversity,
  needed = list.length,
): readonly Ranked[] {
  switch (diversity.kind) {
    case 'none':
      return list;
    case 'mmr':
      return marginalRelevance(list, catalogue, diversity, needed);
    case 'most_per_genre':
      return mostPerGenre(list, catalogue, diversity.most);
  }
}

function marginalRelevance(
  list: readonly Ranked[],
  catalogue: Catalogue,
  { relevance, over }: { readonly relevance: number; readonly over: number },
  needed: number,
): readonly Ranked[] {
  const waiting = list.slice(0, over);
  const best = waiting.reduce((most, { score }) => Math.max(most, score), 0);
  if (best === 0) return list;
  const values = waiting.map(({ score }) => (relevance * score) / best);
  const genres = waiting.map(({ movieId }) => genresOf(catalogue, movieId));
  /** Of each waiting movie the likeness to the most alike chosen one; of a chosen one -1. */
  const likeness = new Float64Array(waiting.length);
  const chosen: Ranked[] = [];
  const count = Math.min(waiting.length, needed);
  while (chosen.length < count) {
    let next = -1;
    let most = -Infinity;
    for (let i = 0; i < likeness.length; i++) {
      const alike = likeness[i] as number;
      const gain = (values[i] as number) - (1 - relevance) * alike;
      if (alike >= 0 && gain > most) [next, most] = [i, gain];
    }
    chosen.push(waiting[next] as Ranked);
    likeness[next] = -1;
    for (let i = 0; i < likeness.length; i++)
      if ((likeness[i] as number) >= 0) {
        const alike = likenessOf(genres[i] as Uint16Array, genres[next] as Uint16Array);
        likeness[i] = Math.max(likeness[i] as number, alike);
      }
  }
  const left = waiting.filter((_, i) => likeness[i] !== -1);
  return [...chosen, ...left, ...list.slice(over)];
}

/** Cosine of two movies' genres; 0 where one has none. */
function likenessOf(a: Uint16Array, b: Uint16Array): number {
  let shared = 0;
  for (let i = 0; i < a.length; i++) for (let j = 0; j < b.length; j++) if (a[i] === b[j]) shared++;
  return shared === 0 ? 0 : shared / Math.sqrt(a.length * b.length);
}

const NO_GENRES = new Uint16Array(0);

function genresOf(catalogue: Catalogue, movieId: number): Uint16Array {
  const place = catalogue.placeOf.get(movieId);
  return place === undefined ? NO_GENRES : (catalogue.genresOf[place] ?? NO_GENRES);
}

/** At most so many of a genre before the rest; what is too much follows in its order. */
function mostPerGenre(
  list: readonly Ranked[],
  catalogue: Catalogue,
  most: number,
): readonly Ranked[] {
  const counts = new Map<number, number>();
  const first: Ranked[] = [];
  const rest: Ranked[] = [];
  for (const item of list) {
    const genres = genresOf(catalogue, item.movieId);
    if (genres.some((genre) => (counts.get(genre) ?? 0) >= most)) {
      rest.push(item);
      continue;
    }
    for (const genre of genres) counts.set(genre, (counts.get(genre) ?? 0) + 1);
    first.push(item);
  }
  return [...first, ...rest];
}
