import { expect, it } from 'vitest';
import type { Movie } from '../../../../schemas/generated/types.ts';
import { planCatalogue } from '../../../../streams/movies/core.ts';
import type { Accepted } from '../../../../streams/runtime/processor.ts';
import type { Withdrawn } from '../../../../streams/topics/movies.ts';

let offset = 0;
const at = (event: Movie | Withdrawn, receivedAt: number): Accepted<Movie | Withdrawn> => ({
  event,
  partition: 0,
  offset: offset++,
  receivedAt,
});
const listing = (id: number, title: string, receivedAt: number) =>
  at({ movie_id: id, title } as Movie, receivedAt);
const withdrawal = (id: number, receivedAt: number) => at({ withdrawn: id }, receivedAt);

const planned = (...events: Accepted<Movie | Withdrawn>[]) => {
  const { listed, withdrawn } = planCatalogue(events);
  return {
    listed: listed.map(({ event }) => event.title),
    withdrawn: withdrawn.map(({ event }) => event.withdrawn),
  };
};

it('keeps the title of a movie that is listed and withdrawn in one batch', () => {
  expect(planned(listing(1, 'first', 1), listing(1, 'second', 2), withdrawal(1, 3))).toEqual({
    listed: ['second'],
    withdrawn: [1],
  });
});

it('lists a movie that comes back after it was withdrawn', () => {
  expect(planned(withdrawal(1, 1), listing(1, 'back', 1))).toEqual({
    listed: ['back'],
    withdrawn: [],
  });
});

it('lets a redriven listing stand behind what was received after it', () => {
  expect(planned(listing(1, 'new', 5), listing(1, 'redriven', 2))).toEqual({
    listed: ['new'],
    withdrawn: [],
  });
  expect(planned(withdrawal(1, 5), listing(1, 'redriven', 2))).toEqual({
    listed: ['redriven'],
    withdrawn: [1],
  });
});

it('orders each list by movie', () => {
  expect(
    planned(listing(3, 'c', 1), listing(1, 'a', 1), withdrawal(9, 1), withdrawal(2, 1)),
  ).toEqual({ listed: ['a', 'c'], withdrawn: [2, 9] });
});
