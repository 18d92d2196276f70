import { join } from 'node:path';
import { repositoryRoot } from '../../config/config.ts';
import { installSparkJars } from './jars.ts';
import type { Progress } from '../../terminal/progress.ts';
import { installPython } from './python.ts';
import { stepOf } from '../../terminal/steps.ts';

/** The programs of PySpark, as batch/requirements.txt and batch/pom.xml pin them. */
export interface Spark {
  /** The interpreter that has pyspark. */
  readonly python: string;
  /** Folder of the jars for S3 and for Postgres (`spark.jars`). */
  readonly jars: string;
}

/** Puts Spark into the cache (640 MB from PyPI, 19 MB from Maven Central) unless it is there. */
export async function installSpark(
  place: { readonly cache: string; readonly javaHome?: string | undefined },
  progress: Progress,
): Promise<Spark> {
  const requirements = join(repositoryRoot, 'batch', 'requirements.txt');
  const python = await installPython(place, 'spark', requirements, progress);
  const jars = await stepOf(progress, 'spark', async (step) => {
    const folder = await installSparkJars({ ...place, step });
    step.done('installed');
    return folder;
  });
  return { python, jars };
}
