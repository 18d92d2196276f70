import type { Judged } from './judge.ts';
import type { Kind } from './questions.ts';

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly atLeast: number;
  readonly holds: boolean;
}

const BARS: readonly {
  readonly kind: Kind;
  readonly name: string;
  readonly atLeast: number;
  of(judged: Judged): number;
}[] = [
  { kind: 'live', name: 'live protocol', atLeast: 0.13, of: ({ system }) => system.mean },
  { kind: 'visit', name: 'within a visit, over no order', atLeast: 0.02, of: (j) => j.gain.mean },
  { kind: 'pause', name: 'back after an hour', atLeast: -0.003, of: (j) => j.gain.mean },
];

/** What has to hold on ml-latest-small, all of its users asked. */
export function barsOf(judged: readonly Judged[]): Bar[] {
  return BARS.flatMap(({ kind, name, atLeast, of }) =>
    judged
      .filter((one) => one.kind === kind)
      .map((one) => ({ name, value: of(one), atLeast, holds: of(one) >= atLeast })),
  );
}
