import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { generateWorld } from '../../../cli/datagen/generate.ts';

export interface Population {
  readonly events: number;
  readonly users: number;
  readonly movies: number;
  readonly seed: number;
}

const HOURS = 24 * 60;

/** Writes the actions of a generated world of known tastes as lines of JSON, for `marquee backfill`. */
export async function writeGeneratedEvents(file: string, population: Population): Promise<void> {
  const { events, users, movies, seed } = population;
  const plan = {
    ...{ events, users, movies, seed },
    round: 1,
    hours: HOURS,
    untilMs: Date.UTC(2026, 9, 1),
  };
  function* lines(): Generator<string> {
    for (const event of generateWorld(plan, {}))
      if (event.kind === 'action') yield `${JSON.stringify(event.action)}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(file));
}
