/** Mistakes that an editor must refuse: each fails to compile, or `tsc` fails on its directive. */
import type { Producer } from '../../../sdk/src/index.ts';

export function rightUses(producer: Producer): void {
  producer.rate({ userId: 'u', movieId: 1, value: 4.5, sessionId: undefined });
  producer.search({ userId: 'u' });
  producer.emit({ action: 'like', userId: 'u', movieId: 1 });
}

export function typos(producer: Producer): (() => unknown)[] {
  return [
    // @ts-expect-error a field that nobody knows
    () => producer.view({ userId: 'u', moveId: 1 }),
    // @ts-expect-error a rating without stars
    () => producer.rate({ userId: 'u', movieId: 1 }),
    // @ts-expect-error a like with stars
    () => producer.like({ userId: 'u', movieId: 1, value: 5 }),
    // @ts-expect-error no movie, and it is no search
    () => producer.click({ userId: 'u' }),
    // @ts-expect-error an id that is text
    () => producer.play({ userId: 'u', movieId: '1' }),
    // @ts-expect-error an action that nobody knows
    () => producer.emit({ action: 'teleport', userId: 'u', movieId: 1 }),
    // @ts-expect-error a step that the serving chain does not have
    () => producer.serve({ userId: 'u', movieIds: [1], source: 'oracle', algorithm: 'als' }),
  ];
}
