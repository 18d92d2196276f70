import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MarqueeError } from '../../../common/error.ts';
import type { Progress } from '../../terminal/progress.ts';
import { stepOf } from '../../terminal/steps.ts';
import { versions } from './versions.ts';
import { installWheel, wheelFolder } from './wheels.ts';

/**
 * The file of DuckDB's extension httpfs, which reads objects by parts. DuckDB's own server of
 * extensions can't be reached from everywhere; PyPI has it as a wheel.
 */
export async function installHttpfs(
  { cache }: { readonly cache: string },
  progress: Progress,
): Promise<string> {
  const folder = wheelFolder(cache, versions.httpfsWheel);
  if (!existsSync(folder))
    await stepOf(progress, 'httpfs', async (step) => {
      await installWheel({ cache, step }, versions.httpfsWheel);
      step.done('DuckDB reads the object store');
    });
  const file = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('httpfs.duckdb_extension'),
  );
  if (file === undefined)
    throw new MarqueeError('MARQUEE_SETUP_FAILED', `${folder} holds no httpfs.duckdb_extension`);
  return join(folder, file);
}
