import type { Random } from '../../common/random.ts';

/** As in MovieLens, so that queries work on both. */
export const GENRES = [
  'Action',
  'Adventure',
  'Animation',
  'Children',
  'Comedy',
  'Crime',
  'Documentary',
  'Drama',
  'Fantasy',
  'Film-Noir',
  'Horror',
  'Musical',
  'Mystery',
  'Romance',
  'Sci-Fi',
  'Thriller',
  'War',
  'Western',
] as const;

const ADJECTIVES = [
  ...['Silent', 'Golden', 'Broken', 'Distant', 'Hidden', 'Burning', 'Crooked', 'Gentle'],
  ...['Frozen', 'Electric', 'Forgotten', 'Midnight', 'Paper', 'Restless', 'Scarlet', 'Wandering'],
];
const NOUNS = [
  ...['Harbour', 'Orchard', 'Lantern', 'Mirror', 'River', 'Station', 'Violin', 'Garden'],
  ...['Compass', 'Letter', 'Mountain', 'Shadow', 'Summer', 'Tide', 'Window', 'Road'],
];
const PLACES = [
  ...['Lisbon', 'Saturn', 'Kyoto', 'the North', 'Alexandria', 'Main Street', 'the Moon', 'Havana'],
  ...['the Valley', 'Tangier', 'Prague', 'the Sea', 'Montana', 'the Border', 'Oslo', 'Nowhere'],
];
const FORMS: readonly ((a: string, n: string, p: string) => string)[] = [
  (a, n) => `The ${a} ${n}`,
  (_a, n, p) => `The ${n} of ${p}`,
  (a, n, p) => `${a} ${n} in ${p}`,
  (a, _n, p) => `${a} ${p.replace('the ', '')}`,
  (_a, n, p) => `A ${n} for ${p}`,
];
const TAGS = [
  ...['atmospheric', 'based on a book', 'classic', 'dark', 'feel-good', 'funny', 'great ending'],
  ...['long takes', 'overrated', 'quirky', 'slow', 'stylised', 'surreal', 'thought-provoking'],
];

export function drawTitle(random: Random): string {
  const form = random.pick(FORMS);
  return form(random.pick(ADJECTIVES), random.pick(NOUNS), random.pick(PLACES));
}

/** Up to four words. */
export function drawTags(random: Random): string[] {
  return [...new Set(Array.from({ length: random.below(5) }, () => random.pick(TAGS)))];
}

/** A query of somebody who looks for that movie. */
export function queryFor(title: string, random: Random): string {
  const words = title.toLowerCase().split(' ');
  return words.slice(0, 1 + random.below(words.length)).join(' ');
}
