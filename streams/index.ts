import { feedback } from './feedback/processor.ts';
import { interactions } from './interactions/processor.ts';
import { movies } from './movies/processor.ts';
import { profiles } from './profiles/processor.ts';
import type { Processor } from './runtime/processor.ts';
import { recommendations } from './recommendations/processor.ts';
import { serveLogs } from './serve-logs/processor.ts';

/** Every processor by its name. A new one is a folder, and its import and line here. */
export const PROCESSORS: Readonly<Record<string, Processor>> = {
  interactions,
  profiles,
  feedback,
  'serve-logs': serveLogs,
  movies,
  recommendations,
};
