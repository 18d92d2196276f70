import type { Progress } from '../../../cli/terminal/progress.ts';

/** Interrupted ends a bench, where the failure of one attempt does not. */
export class Interrupted extends Error {}

/** Attempts are a bench's measurements: one that fails is a finding, and the others go on. */
export interface Attempts {
  /** What the reader of the result must know. */
  readonly findings: string[];
  /** True when it went well. */
  attempt(name: string, measure: () => Promise<string>): Promise<boolean>;
  /** In each round every contestant has one turn, one after the other. */
  alternate(rounds: number, contestants: readonly Contestant[]): Promise<void>;
}

export interface Contestant {
  readonly name: string;
  /** One run from nothing; returns the line that is shown. */
  turn(round: number): Promise<string>;
}

/** A contestant whose results are collected. */
export function contestant<T>(
  name: string,
  results: T[],
  measure: (round: number) => Promise<T>,
  show: (result: T) => string,
): Contestant {
  return {
    name,
    async turn(round) {
      const result = await measure(round);
      results.push(result);
      return show(result);
    },
  };
}

export function createAttempts(progress: Progress): Attempts {
  const findings: string[] = [];
  const attempt = async (name: string, measure: () => Promise<string>): Promise<boolean> => {
    const step = progress.step(name);
    step.update('measuring');
    try {
      step.done(await measure());
      return true;
    } catch (cause) {
      if (cause instanceof Interrupted) throw cause;
      const { message } = cause as Error;
      step.fail(message);
      findings.push(`${name} failed: ${message.split('\n').slice(0, 3).join(' ')}`);
      return false;
    }
  };
  return {
    findings,
    attempt,
    async alternate(rounds, contestants) {
      for (let round = 1; round <= rounds; round++) {
        for (const { name, turn } of contestants)
          await attempt(`${name} ${round}/${rounds}`, () => turn(round));
      }
    },
  };
}
