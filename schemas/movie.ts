import type { Movie } from './generated/types.ts';
import { isMovieId, lengthProblem, problem, textProblem } from './problem.ts';
import type { Problem } from './problem.ts';

const WORDS_MAX = 1000;
/** Epoch milliseconds that a Date holds. */
const TIME_MAX = 8.64e15;

/** Checks a movie whose fields have the schema's types: null, or the first field at fault. */
export function validateMovie(movie: Movie): Problem | null {
  if (!isMovieId(movie.movie_id)) {
    const said = `is ${String(movie.movie_id)}: not a whole number from 1`;
    return problem('movie_id', 'out_of_range', said);
  }
  if (!Number.isSafeInteger(movie.updated_at) || Math.abs(movie.updated_at) > TIME_MAX) {
    return problem('updated_at', 'out_of_range', `is ${String(movie.updated_at)}: no time`);
  }
  if (movie.tmdb_id !== null && !Number.isSafeInteger(movie.tmdb_id)) {
    return problem('tmdb_id', 'out_of_range', `is ${String(movie.tmdb_id)}: beyond 2^53`);
  }
  return (
    textProblem('title', movie.title, 1024) ??
    (movie.imdb_id === null ? null : lengthProblem('imdb_id', movie.imdb_id, 64)) ??
    wordsProblem('genres', movie.genres) ??
    wordsProblem('tags', movie.tags)
  );
}

function wordsProblem(field: string, words: readonly string[]): Problem | null {
  if (words.length > WORDS_MAX) {
    const many = `has ${String(words.length)} words, at most ${String(WORDS_MAX)}`;
    return problem(field, 'out_of_range', many);
  }
  for (const word of words) {
    const found = lengthProblem(field, word, 256);
    if (found) return found;
  }
  return null;
}
