import { formatCount } from '../../../cli/terminal/format.ts';
import { left, right, table } from '../../../cli/terminal/output.ts';
import type { Interval } from '../figures.ts';
import type { Bar } from './bars.ts';
import type { Judged } from './judge.ts';
import type { Kind } from './questions.ts';
import type { Reference } from './reference.ts';
import type { Evaluated } from './run.ts';

const TITLES: Readonly<Record<Kind, string>> = {
  live: 'live protocol',
  visit: 'within a visit',
  pause: 'back after an hour',
};
const SOURCES: Readonly<Record<string, string>> = {
  cache: 'from Redis',
  similarity: 'made when asked',
  batch: 'of the nightly run',
  popular: 'popular',
};

/** All that is printed, as lines. */
export function describe({ judged, brought }: Evaluated, reference: Reference | null): string[] {
  const live = judged.filter(({ kind }) => kind === 'live');
  const places = judged.filter(({ kind }) => kind !== 'live');
  return [
    `${formatCount(brought.streamed)} actions through the SDK, ${formatCount(brought.backfilled)} older ones by backfill and rebuild`,
    '',
    ...live.flatMap((one) => [...describeLive(one, reference), '']),
    ...describePlaces(places, reference),
    '',
    ...describeSources(judged),
  ];
}

function describeLive(judged: Judged, reference: Reference | null): string[] {
  const { users, system, ranker, unordered, nightly, popularity } = judged;
  const rows: readonly (readonly [string, string])[] = [
    ['the running system', figure(system)],
    ["the ranker alone, at the question's moment", figure(ranker)],
    ['the running system a month later: no order', figure(unordered)],
    ['the nightly lists of the 50 %', figure(nightly)],
    ['popularity', figure(popularity)],
    ...(reference?.live ?? []).map(({ name, ndcg }) => [`reference: ${name}`, ndcg] as const),
  ];
  return [
    `Live protocol: model of 50 %, history up to 80 %, judged by the rest; ${formatCount(users)} users`,
    table([left('lists'), left('NDCG@10')], rows),
  ];
}

function describePlaces(places: readonly Judged[], reference: Reference | null): string[] {
  const rows = places.map((one) => [
    TITLES[one.kind],
    formatCount(one.users),
    one.system.mean.toFixed(4),
    one.unordered.mean.toFixed(4),
    difference(one.gain),
    difference(one.rankerGain),
  ]);
  const references = (reference?.places ?? []).flatMap(({ name, visit, pause }) =>
    (['visit', 'pause'] as const).map((kind) => {
      const value = kind === 'visit' ? visit : pause;
      return value === '' ? [] : [`reference: ${TITLES[kind]}, ${name}`, '', '', '', value, ''];
    }),
  );
  return [
    'Places: model of 40 %, judged by the next 20 actions; differences by user to lists without order',
    table(
      [
        left('place'),
        ...['users', 'NDCG@10', 'no order'].map(right),
        ...['difference', 'of the ranker alone'].map(left),
      ],
      [...rows, ...references.filter((row) => row.length > 0)],
    ),
  ];
}

function describeSources(judged: readonly Judged[]): string[] {
  return [
    'Where lists came from, and how many first 10 are those of the ranker alone in this process',
    table(
      [
        left('place'),
        left('source'),
        ...['as of the making', 'as of the question', 'no order'].map(right),
      ],
      judged.map(({ kind, sources, identical }) => [
        TITLES[kind],
        Object.entries(sources)
          .map(([source, count]) => `${formatCount(count)} ${SOURCES[source] ?? source}`)
          .join(', '),
        ...[identical.asMade, identical.asAsked, identical.unordered].map(percent),
      ]),
    ),
  ];
}

export function describeBars(bars: readonly Bar[]): string[] {
  return bars.map(
    ({ name, value, atLeast, holds }) =>
      `${holds ? 'ok' : '!!'} ${name}: ${signed(value)}, to be at least ${signed(atLeast)}`,
  );
}

function figure({ mean, low, high }: Interval): string {
  return `${mean.toFixed(4)} [${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function difference({ mean, low, high }: Interval): string {
  return `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${value.toFixed(4)}`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
