import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Accumulator } from '../../../../serving/ranking/accumulator.ts';
import { topCandidates } from '../../../../serving/ranking/top.ts';
import { modelOf } from './models.ts';

it('is the head of all eligible movies by score, popularity and place', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          score: fc.integer({ min: -3, max: 3 }),
          popularity: fc.integer({ min: 0, max: 4 }),
          eligible: fc.boolean(),
          touched: fc.boolean(),
        }),
        { minLength: 1, maxLength: 60 },
      ),
      fc.integer({ min: 0, max: 70 }),
      (movies, length) => {
        const model = modelOf({
          movies: movies.length,
          popularity: movies.map(({ popularity }) => popularity),
        });
        const scores = new Accumulator(movies.length);
        movies.forEach(({ score, touched }, place) => {
          if (touched || score !== 0) scores.add(place, score);
        });
        const expected = movies
          .map((movie, place) => ({ ...movie, place }))
          .filter(({ eligible }) => eligible)
          .sort((a, b) => b.score - a.score || b.popularity - a.popularity || a.place - b.place)
          .slice(0, length)
          .map(({ place, score }) => ({ place, score }));
        const found = topCandidates(
          model,
          scores,
          length,
          (place) => movies[place]?.eligible === true,
        );
        expect(found).toEqual(expected);
      },
    ),
  );
});
