import {
  findingList,
  head,
  markdownTable,
  roundRatios,
  spread,
  targetTable,
  whole,
} from '../runner/markdown.ts';
import type { Target } from '../runner/markdown.ts';
import { median } from '../runner/rate.ts';
import type { ReportFrame } from '../runner/run.ts';
import type { Freshness } from './freshness.ts';
import type { MemoryResult } from './memory.ts';
import type { Turn } from './rows.ts';
import type { WorldSize } from './world.ts';

export interface ServingFigures {
  readonly turns: readonly Turn[];
  readonly freshness: readonly Freshness[];
  readonly memory: readonly MemoryResult[];
  readonly size: WorldSize;
  readonly settings: readonly (readonly [string, string])[];
}

/** A bound of how one system's figure relates to another's, in the same round. */
interface Bar {
  readonly name: string;
  readonly over: string;
  readonly under: string;
  readonly figure: (turn: Turn) => number;
  readonly wanted: Target['wanted'];
  readonly bound: number;
}

const p50 = ({ load }: Turn): number => load.p50Ms;
const p99 = ({ load }: Turn): number => load.p99Ms;
const rate = ({ load }: Turn): number => load.perSecond;

const hit = { over: 'hit at 2,000/s', under: 'bare at 2,000/s', wanted: 'at most' } as const;
const BARS: readonly Bar[] = [
  { ...hit, name: 'hit, p50 at 2,000/s, of bare', figure: p50, bound: 1.5 },
  { ...hit, name: 'hit, p99 at 2,000/s, of bare', figure: p99, bound: 1.5 },
  {
    ...{ name: 'hit, saturation, of bare', over: 'hit', under: 'bare', figure: rate },
    ...{ wanted: 'at least', bound: 0.6 },
  },
  {
    ...{ name: 'with serve log, saturation, of without', over: 'hit', under: 'hit without log' },
    ...{ figure: rate, wanted: 'at least', bound: 0.85 },
  },
  {
    ...{ name: 'computed, p99 at 500/s, of bare', over: 'computed', under: 'bare at 500/s' },
    ...{ figure: p99, wanted: 'at most', bound: 2.5 },
  },
  {
    ...{ name: 'rank of 500, p99 at 500/s, of bare', over: 'rank of 500' },
    ...{ under: 'bare, bytes of 500', figure: p99, wanted: 'at most', bound: 3 },
  },
  {
    ...{ name: 'batch, p99 at 500/s, of the bare query', over: 'batch' },
    ...{ under: 'bare query of a list', figure: p99, wanted: 'at most', bound: 1.5 },
  },
  {
    ...{ name: "hit, saturation, of Feast's", over: 'hit', under: 'Feast', figure: rate },
    ...{ wanted: 'at least', bound: 5 },
  },
];
const FRESHNESS_BOUND = 3;
const RSS_BYTES_MAX = 300e6;

const VOID_SHARE = 0.8;

export function renderServing(report: ServingFigures & ReportFrame): string {
  const { turns, freshness, memory, size, settings, ...frame } = report;
  const bars = BARS.map((bar) => targetOf(bar, turns));
  return [
    head('Serving', frame, settings),
    `${whole(size.users)} users, ${whole(size.movies)} movies.\n`,
    ...answersTable(turns),
    ...freshnessTable(freshness),
    ...memoryTable(memory),
    '## Bars\n',
    targetTable([...bars, ...freshnessTargets(freshness), ...memoryTargets(memory)]),
    '## Findings of this run\n',
    findingList(frame.findings, 'None.\n'),
  ].join('\n');
}

function answersTable(turns: readonly Turn[]): string[] {
  if (turns.length === 0) return [];
  const systems = [...new Set(turns.map(({ system }) => system))];
  const of = (system: string): Turn[] => turns.filter((turn) => turn.system === system);
  return [
    '## Answers\n',
    'The server has one core (and Node its garbage collected by one thread), the generator (oha) and all',
    'else the other. Medians (least to most) of the rounds. Latency counts from when a request was due; where no rate is said, the generator asks',
    'as fast as it is answered and latency says nothing.\n',
    markdownTable(
      [
        ...['system', 'runs', 'requests/s', 'p50 ms', 'p99 ms', 'body bytes', 'CPU us a request'],
        ...['event loop p99 ms', 'MB', 'generator, % of a core'],
      ],
      systems.map((system) => line(system, of(system))),
    ),
  ];
}

function freshnessTable(freshness: readonly Freshness[]): string[] {
  return freshness.flatMap(({ perSecond, events, profile, list }) => [
    '## Freshness\n',
    `${whole(events)} actions, ${whole(perSecond)} a second, all processors in one process.\n`,
    markdownTable(
      ["from the SDK's call to", 'p50 ms', 'p99 ms', 'most'],
      [
        ["the profile's visible row", ...[profile.p50Ms, profile.p99Ms, profile.maxMs].map(whole)],
        ['the new list in Redis', ...[list.p50Ms, list.p99Ms, list.maxMs].map(whole)],
      ],
    ),
  ]);
}

function freshnessTargets(freshness: readonly Freshness[]): Target[] {
  const times = (value: number): string => `${value.toFixed(2)} x`;
  const ms = (value: number): string => `${whole(value)} ms`;
  return freshness.flatMap(({ profile, list }): Target[] => [
    {
      ...{ name: "new list, p50, of the profile's row", wanted: 'at most', show: times },
      ...{ measured: list.p50Ms / profile.p50Ms, bound: FRESHNESS_BOUND },
    },
    {
      ...{ name: "new list, p99, of the profile's row", wanted: 'at most', show: times },
      ...{ measured: list.p99Ms / profile.p99Ms, bound: FRESHNESS_BOUND },
    },
    { name: 'new list, p50', measured: list.p50Ms, wanted: 'at most', bound: 80, show: ms },
    { name: 'new list, p99', measured: list.p99Ms, wanted: 'at most', bound: 250, show: ms },
  ]);
}

function memoryTable(memory: readonly MemoryResult[]): string[] {
  if (memory.length === 0) return [];
  return [
    '## Memory\n',
    'Resident, of the API after its start and a hundred computed lists.\n',
    markdownTable(
      ['movies', 'MB'],
      memory.map(({ movies, rssBytes }) => [whole(movies), whole(rssBytes / 1e6)]),
    ),
  ];
}

function memoryTargets([first]: readonly MemoryResult[]): Target[] {
  if (first === undefined) return [];
  const show = (value: number): string => `${whole(value / 1e6)} MB`;
  return [
    {
      ...{ name: `memory with ${whole(first.movies)} movies`, measured: first.rssBytes },
      ...{ wanted: 'at most', bound: RSS_BYTES_MAX, show },
    },
  ];
}

function line(system: string, turns: readonly Turn[]): string[] {
  const of = (figure: (turn: Turn) => number, show: (value: number) => string): string =>
    spread(turns.map(figure), show);
  const two = (value: number): string => value.toFixed(2);
  return [
    system,
    String(turns.length),
    of(rate, whole),
    of(p50, two),
    of(p99, two),
    of(({ load }) => load.bodyBytes, whole),
    of(({ load, server }) => server.cpuUs / load.requests, whole),
    of(({ server }) => server.loopDelayP99Ms, two),
    of(({ server }) => server.rssBytes / 1e6, whole),
    of(({ load }) => load.generatorShare * 100, whole),
  ];
}

/** Runs whose generator was the limit say nothing. */
function targetOf({ name, over, under, figure, wanted, bound }: Bar, all: readonly Turn[]): Target {
  const turns = all.filter(({ load }) => load.generatorShare <= VOID_SHARE);
  return {
    name,
    measured: median(roundRatios(turns, over, under, figure)),
    wanted,
    bound,
    show: (value) => `${value.toFixed(2)} x`,
  };
}
