import type { Movie } from './generated/types.ts';
import { MOVIE_TEXT as TEXT } from './limits.ts';
import type { TextLimit } from './limits.ts';
import { isMovieId, problem, textProblem } from './problem.ts';
import type { Problem } from './problem.ts';

const WORDS_MAX = 1000;
/** Epoch milliseconds that a Date holds. */
const TIME_MAX = 8.64e15;

/** Checks a movie whose fields have the schema's types: null, or the first field at fault. */
export function validateMovie(movie: Movie): Problem | null {
  if (!isMovieId(movie.movie_id)) {
    const said = `is ${movie.movie_id}: not a whole number from 1`;
    return problem('movie_id', 'out_of_range', said);
  }
  if (!Number.isSafeInteger(movie.updated_at) || Math.abs(movie.updated_at) > TIME_MAX) {
    return problem('updated_at', 'out_of_range', `is ${movie.updated_at}: no time`);
  }
  if (movie.tmdb_id !== null && !Number.isSafeInteger(movie.tmdb_id)) {
    return problem('tmdb_id', 'out_of_range', `is ${movie.tmdb_id}: beyond 2^53`);
  }
  return (
    textProblem('title', movie.title, TEXT.title) ??
    textProblem('imdb_id', movie.imdb_id, TEXT.imdb_id) ??
    wordsProblem('genres', movie.genres, TEXT.genres) ??
    wordsProblem('tags', movie.tags, TEXT.tags)
  );
}

function wordsProblem(field: string, words: readonly string[], limit: TextLimit): Problem | null {
  if (words.length > WORDS_MAX) {
    const many = `has ${words.length} words, at most ${WORDS_MAX}`;
    return problem(field, 'out_of_range', many);
  }
  for (const word of words) {
    const found = textProblem(field, word, limit);
    if (found) return found;
  }
  return null;
}
