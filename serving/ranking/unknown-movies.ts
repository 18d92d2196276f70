import type { ItemModel, Vectors } from './item-model.ts';

/**
 * The movies without a like of a model that are most like a vector, by inner product; ties by place. So
 * many at most, and none that speaks against it. What they are like is all that is known of them.
 */
export function createUnknownMovies(
  { movieIds, popularity }: Pick<ItemModel, 'movieIds' | 'popularity'>,
  { dimensions, values }: Vectors,
): (vector: Float32Array, count: number) => readonly number[] {
  const places = movieIds.reduce<number[]>((unknown, _, place) => {
    if (popularity[place] === 0) unknown.push(place);
    return unknown;
  }, []);
  return (vector, count) => {
    const alike: { readonly place: number; readonly product: number }[] = [];
    for (const place of places) {
      let product = 0;
      for (let i = 0, at = place * dimensions; i < dimensions; i++, at++)
        product += (vector[i] as number) * (values[at] as number);
      if (product > 0) alike.push({ place, product });
    }
    alike.sort((a, b) => b.product - a.product || a.place - b.place);
    return alike.slice(0, count).map(({ place }) => movieIds[place] as number);
  };
}
