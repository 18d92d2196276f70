import type { ServiceName } from '../../cli/stack/services/service-names.ts';
import {
  openEnvironment,
  setUpEnvironment,
  type Environment,
} from '../support/faults/environment.ts';
import { startStack } from '../support/stack.ts';
import type { Mutant } from './mutants.ts';

interface Proof<M extends Mutant> {
  readonly services: readonly ServiceName[];
  readonly mutants: readonly M[];
  /** Whether something is taken out; the control has nothing. */
  changes(mutant: M): boolean;
  /** What went red, or null where all checks hold. */
  tryMutant(environment: Environment, mutant: M): Promise<string | null>;
  /** The lines of a red that tell why. */
  reasons(red: string): readonly string[];
}

/** Shows that each mutant goes red and the control stays green; false when one does not. */
export async function proveMutants<M extends Mutant>(proof: Proof<M>): Promise<boolean> {
  const stack = await startStack({ services: proof.services });
  let proven = true;
  try {
    await setUpEnvironment(stack.config);
    const environment = openEnvironment(stack.home);
    for (const mutant of proof.mutants) {
      const red = await proof.tryMutant(environment, mutant);
      const right = (red !== null) === proof.changes(mutant);
      proven &&= right;
      print(
        `${right ? 'as it must be' : 'WRONG'}: ${red === null ? 'green' : 'red'}: ${mutant.name}`,
      );
      for (const line of red === null ? [] : proof.reasons(red))
        print(`    ${line.trim().slice(0, 300)}`);
    }
    await environment.close();
  } finally {
    await stack.stop();
  }
  return proven;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
