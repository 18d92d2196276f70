import { feedback } from './feedback/processor.ts';
import { interactions } from './interactions/processor.ts';
import { movies } from './movies/processor.ts';
import { profiles } from './profiles/processor.ts';
import type { Processor } from './runtime/processor.ts';
import { serveLogs } from './serve-logs/processor.ts';

/** Every processor by name. A new one is a folder and a line here. */
export const PROCESSORS: Readonly<Record<string, Processor>> = Object.fromEntries(
  [interactions, profiles, feedback, serveLogs, movies].map((p) => [p.name, p]),
);
