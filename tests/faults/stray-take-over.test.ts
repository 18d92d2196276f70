import { expect, test } from 'vitest';
import { createScenario } from '../support/scenario/scenario.ts';
import { emptyEnvironment } from '../support/faults/shared-environment.ts';

const PROCESSORS = ['interactions', 'profiles', 'feedback'];

// A process that is stopped in a take-over, or whose take-over outlives its assignment, raises the
// epoch when it is no longer the partition's: the member that is must not leave it lying.
test('an epoch raised by a process that then does nothing: the member goes on by itself', async () => {
  const environment = await emptyEnvironment();
  const scenario = await createScenario(environment, 41);
  try {
    const process = environment.processes.start({ processors: PROCESSORS });
    await scenario.send(300);
    await scenario.verify(PROCESSORS, 'before the stray take-over');
    await environment.db.query(
      `UPDATE stream_offsets SET owner_epoch = owner_epoch + 1, owner = 'stray/nobody/1/abc'`,
    );

    await scenario.send(600);
    await scenario.verify(PROCESSORS, 'after the stray take-over');
    expect(process.count('fenced')).toBeGreaterThan(0);
    await process.stop();
  } finally {
    await scenario.close();
    await environment.close();
  }
});
