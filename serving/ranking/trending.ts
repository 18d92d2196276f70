/** What many do something with now, the most popular first. */
export interface Trending {
  readonly movieIds: readonly number[];
  /** Decayed sums of what users did, in the order of movieIds; falling, above 0. */
  readonly scores: readonly number[];
}

/** Sums by movie of what users did in an hour. */
export type HourOfActions = ReadonlyMap<number, number>;

export interface TrendingSettings {
  /** What a user did counts half after so long. */
  readonly halfLifeHours: number;
  readonly length: number;
}

/** Of hours by their number since 1970; ties by movie. */
export function trendingOf(
  hours: ReadonlyMap<number, HourOfActions>,
  now: number,
  { halfLifeHours, length }: TrendingSettings,
): Trending {
  const sums = new Map<number, number>();
  for (const [hour, weights] of hours) {
    const share = 0.5 ** ((now - hour) / halfLifeHours);
    for (const [movieId, weight] of weights)
      sums.set(movieId, (sums.get(movieId) ?? 0) + share * weight);
  }
  const sorted = [...sums].sort(([a, x], [b, y]) => y - x || a - b).slice(0, length);
  return { movieIds: sorted.map(([id]) => id), scores: sorted.map(([, score]) => score) };
}
