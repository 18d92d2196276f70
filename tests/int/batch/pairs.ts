import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { exportsOf } from '../../../cli/config/exports.ts';
import { readEnvironment, repositoryRoot } from '../../../cli/config/config.ts';
import type { Spark } from '../../../cli/stack/install/spark.ts';
import type { Environment } from '../../support/streams/environment.ts';

export interface Pair {
  readonly user: string;
  readonly movie: number;
}

/** What a run makes of the histories that there are, by user and movie. */
export async function readPairs({ config }: Environment, spark: Spark): Promise<Pair[]> {
  const { javaHome } = config.stack;
  const script = join(repositoryRoot, 'tests', 'batch', 'spark', 'pairs.py');
  const { stdout } = await promisify(execFile)(spark.python, [script], {
    env: {
      ...readEnvironment(),
      ...exportsOf(config),
      MARQUEE_PG_WRITER_URL: config.postgres.writerUrl,
      ...(javaHome === undefined ? {} : { JAVA_HOME: javaHome }),
      PYSPARK_PYTHON: spark.python,
      PYTHONDONTWRITEBYTECODE: '1',
      SPARK_JARS: spark.jars,
      SPARK_LOCAL_IP: '127.0.0.1',
      PYTHONPATH: join(repositoryRoot, 'batch'),
    },
    maxBuffer: 1 << 26,
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Pair)
    .sort((a, b) => (a.user === b.user ? a.movie - b.movie : a.user < b.user ? -1 : 1));
}
