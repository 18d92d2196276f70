import type { Movie } from '../../schemas/generated/types.ts';
import { GENRES, drawTags, drawTitle } from './names.ts';
import type { WorldPlan } from './plan.ts';
import { createRandom } from '../../common/random.ts';
import type { Random } from '../../common/random.ts';

/**
 * The world's hidden truth, from which everything that can be observed follows.
 *
 * Each genre is a direction in a space of 8 dimensions. A movie's vector is the sum of its one to
 * three genres' directions and some noise; a user's is a mix of two favourite genres and some
 * noise; both have length 1. How much a user likes a movie (in logits) is
 *
 *     liking = 4 * (user . movie) + 0.6 * quality(movie) + mood(user)
 *
 * with quality ~ N(0, 1) and mood ~ N(0, 0.4). Popularity is apart from liking, as it is in life: a
 * movie is come across with a chance of 1 / rank^0.8, and good movies tend to higher ranks.
 */
const DIMENSIONS = 8;
const AFFINITY_SCALE = 4;
const QUALITY_SCALE = 0.6;
const MOOD_SCALE = 0.4;
const MOVIE_TAIL = 0.8;
const USER_TAIL = 0.6;
const MOVIE_NOISE = 0.4;
const USER_NOISE = 0.15;

/**
 * Ids of a seed; the first million is left to MovieLens, so that all may stand in one catalogue.
 */
const IDS_OF_A_SEED = 1_000_000;
const FIRST_YEAR = 1950;
const LAST_YEAR = 2025;

export interface Truth {
  readonly movies: readonly Movie[];
  readonly quality: Float64Array;
  /** Weight with which a movie is come across. */
  readonly popularity: Float64Array;
  /** Weight with which a user comes. */
  readonly activity: Float64Array;
  /** Logits, by the indexes of user and movie. */
  liking(user: number, movie: number): number;
}

/** Each seed is a world with movies and users of its own. */
export function movieIdAt(seed: number, index: number): number {
  return (seed + 1) * IDS_OF_A_SEED + index + 1;
}

export function userIdAt(seed: number, index: number): string {
  return `world-${seed}-${String(index + 1).padStart(5, '0')}`;
}

/**
 * Users have streams of their own, so more users or movies leave those that were there as they are.
 */
export function createTruth(plan: WorldPlan): Truth {
  const genreRandom = createRandom(plan.seed, 'genres');
  const directions = GENRES.map(() => unit(noise(genreRandom, 1)));
  const movieRandom = createRandom(plan.seed, 'movies');
  const quality = new Float64Array(plan.movies);
  const drawn = Array.from({ length: plan.movies }, (_, index) => {
    const genres = drawGenres(movieRandom);
    const vector = noise(movieRandom, MOVIE_NOISE);
    for (const genre of genres) addTo(vector, directions[genre] as Float64Array, 1);
    quality[index] = movieRandom.normal();
    const luck = movieRandom.normal();
    const movie: Movie = {
      movie_id: movieIdAt(plan.seed, index),
      title: drawTitle(movieRandom),
      year: drawYear(movieRandom),
      genres: genres.map((genre) => GENRES[genre] as string),
      tags: drawTags(movieRandom),
      imdb_id: null,
      tmdb_id: null,
      updated_at: Date.UTC(LAST_YEAR + 1, 0),
    };
    return { movie, vector: unit(vector), fame: quality[index] * 0.7 + luck };
  });
  const byFame = drawn.map((_, index) => index);
  byFame.sort((a, b) => (drawn[b]?.fame ?? 0) - (drawn[a]?.fame ?? 0));
  const popularity = new Float64Array(plan.movies);
  byFame.forEach((movie, rank) => (popularity[movie] = (rank + 1) ** -MOVIE_TAIL));

  const userRandom = createRandom(plan.seed, 'users');
  const mood = new Float64Array(plan.users);
  const activity = new Float64Array(plan.users);
  const tastes = Array.from({ length: plan.users }, (_, index) => {
    const vector = noise(userRandom, USER_NOISE);
    for (const weight of [1, 0.5])
      addTo(vector, directions[userRandom.below(GENRES.length)] as Float64Array, weight);
    mood[index] = userRandom.normal() * MOOD_SCALE;
    activity[index] = (1 + userRandom.below(plan.users)) ** -USER_TAIL;
    return unit(vector);
  });

  return {
    movies: drawn.map(({ movie }) => movie),
    quality,
    popularity,
    activity,
    liking(user, movie) {
      const taste = tastes[user] as Float64Array;
      const vector = drawn[movie]?.vector as Float64Array;
      let affinity = 0;
      for (let i = 0; i < DIMENSIONS; i++) affinity += (taste[i] as number) * (vector[i] as number);
      return (
        AFFINITY_SCALE * affinity +
        QUALITY_SCALE * (quality[movie] as number) +
        (mood[user] as number)
      );
    },
  };
}

function drawGenres(random: Random): number[] {
  const count = random.next() < 0.4 ? 1 : random.next() < 0.75 ? 2 : 3;
  return [...new Set(Array.from({ length: count }, () => random.below(GENRES.length)))].sort(
    (a, b) => a - b,
  );
}

/** More of late than of old. */
function drawYear(random: Random): number {
  return FIRST_YEAR + Math.floor(Math.sqrt(random.next()) * (LAST_YEAR - FIRST_YEAR + 1));
}

function noise(random: Random, deviation: number): Float64Array {
  return Float64Array.from({ length: DIMENSIONS }, () => random.normal() * deviation);
}

function addTo(sum: Float64Array, vector: Float64Array, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (vector[i] as number);
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector);
  return vector.map((x) => x / length);
}
