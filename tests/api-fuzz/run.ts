/**
 * Holds the API to its own OpenAPI page with Schemathesis: `node tests/api-fuzz/run.ts`. Arguments go on to
 * `schemathesis run` (--max-examples 500). Some 60 packages of PyPI come into the cache at the first time.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadConfig } from '../../cli/config/config.ts';
import { installPython } from '../../cli/stack/install/python.ts';
import { createProgress } from '../../cli/terminal/progress.ts';
import { startTestApi } from '../support/serving/test-api.ts';

const progress = createProgress(process.stderr);
const requirements = join(import.meta.dirname, 'requirements.txt');
const python = await installPython(loadConfig(), 'schemathesis', requirements, progress);
progress.close();
const test = await startTestApi();
const key = test.addKey({ scopes: ['admin'], requestsPerSecond: 1_000_000 });
const child = spawn(
  python,
  [
    '-m',
    'schemathesis.cli',
    'run',
    `${test.url}/openapi.json`,
    `--header=Authorization: Bearer ${key}`,
    '--checks=all',
    // Events have rules that a schema can't say.
    '--exclude-checks=positive_data_acceptance',
    ...process.argv.slice(2),
  ],
  { stdio: 'inherit', cwd: import.meta.dirname },
);
const [code] = (await once(child, 'exit')) as [number | null];
await test.close();
process.exitCode = code ?? 1;
