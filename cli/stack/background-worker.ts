import { writeFileSync } from 'node:fs';
import { installAddonStep } from './install/addon.ts';
import { backgroundErrorFile, type BackgroundJob } from './background.ts';
import { createProgress } from '../terminal/progress.ts';
import { createStack } from './stack.ts';

/**
 * Runs beside the stack: builds the object store and starts it, then builds the native Kafka
 * client. A failure is kept for `status` and `doctor`; nothing else waits for either.
 */
async function work(job: BackgroundJob): Promise<void> {
  const progress = createProgress(process.stdout);
  const stack = createStack({ ...job, ports: 'free', progress });
  if (job.buildsObjectStore) {
    try {
      // The build holds no lock of the home, so `down` and `up` go on meanwhile.
      await stack.install(['object-store']);
      await stack.up({ names: ['object-store'], slow: 'wait' });
    } catch (error) {
      const { message } = error as Error;
      process.stdout.write(`${message}\n`);
      writeFileSync(backgroundErrorFile(job.home), message);
    }
  }
  if (job.buildsAddon) await installAddonStep(job, progress);
}

await work(JSON.parse(process.argv[2] ?? '{}') as BackgroundJob);
