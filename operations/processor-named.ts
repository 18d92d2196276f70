import { MarqueeError } from '../common/error.ts';
import { PROCESSORS } from '../streams/index.ts';
import type { Processor } from '../streams/runtime/processor.ts';

export function processorNamed(name: string): Processor {
  const processor = PROCESSORS[name];
  if (processor !== undefined) return processor;
  throw new MarqueeError(
    'MARQUEE_UNKNOWN_PROCESSOR',
    `there is no processor "${name}"; there are ${Object.keys(PROCESSORS).join(', ')}`,
  );
}

/** The processors of these names, each once; all when none is named. */
export function processorsNamed(names: readonly string[]): Processor[] {
  if (names.length === 0) return Object.values(PROCESSORS);
  return [...new Set(names)].map(processorNamed);
}
