import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MarqueeError } from '../../../common/error.ts';
import { repositoryRoot } from '../../config/config.ts';
import { installLog, installOnce, type InstallContext } from './install-once.ts';
import { withLock } from '../host/lock.ts';
import { runLogged } from '../host/run-logged.ts';
import { versions } from './versions.ts';

const plugin = `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}`;
const remedy =
  'check that `mvn -v` works (Maven 3.6+, Java 17+) and that Maven Central is reachable, then run the same command again.';

type Place = Pick<InstallContext, 'cache' | 'step' | 'javaHome'>;

function maven(context: Place, step: string, log: string, args: readonly string[]) {
  const env = context.javaHome === undefined ? {} : { JAVA_HOME: context.javaHome };
  // Two Mavens would write the same files of the local repository at once.
  return withLock(join(context.cache, 'locks', 'maven.lock'), () =>
    runLogged({
      step,
      command: 'mvn',
      args: ['-B', '-q', ...args],
      logFile: installLog(context, log),
      remedy,
      env,
    }),
  );
}

/** The folder of the broker's jars, pinned in pom.xml. */
export function installKafkaJars(context: InstallContext): Promise<string> {
  return installOnce(context, `kafka-${versions.kafka}`, async (folder) => {
    context.step.update('fetching the jars from Maven Central');
    await maven(context, 'download of the Kafka jars', 'kafka', [
      '-f',
      join(import.meta.dirname, 'pom.xml'),
      `${plugin}:copy-dependencies`,
      `-DoutputDirectory=${folder}`,
      '-DincludeScope=runtime',
    ]);
  });
}

/** The folder of the jars that Spark needs beside its own, pinned in batch/pom.xml. */
export function installSparkJars(context: Place): Promise<string> {
  const pom = join(repositoryRoot, 'batch', 'pom.xml');
  const digest = createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 12);
  return installOnce(context, `spark-jars-${digest}`, async (folder) => {
    context.step.update('fetching the jars of Spark from Maven Central (19 MB)');
    await maven(context, 'download of the jars of Spark', 'spark-jars', [
      '-f',
      pom,
      `${plugin}:copy-dependencies`,
      `-DoutputDirectory=${folder}`,
      '-DincludeScope=runtime',
    ]);
  });
}

/** The folder with Apicurio's runner jar. */
export function installRegistry(context: InstallContext): Promise<string> {
  return installOnce(context, `apicurio-${versions.registry}`, async (folder) => {
    context.step.update('fetching Apicurio from Maven Central (142 MB)');
    const archive = join(folder, 'archive');
    mkdirSync(archive);
    await maven(context, 'download of the schema registry', 'registry', [
      `${plugin}:copy`,
      `-Dartifact=io.apicurio:apicurio-registry-app:${versions.registry}:tar.gz:all`,
      `-DoutputDirectory=${archive}`,
    ]);
    const [file] = readdirSync(archive);
    if (file === undefined) {
      throw new MarqueeError('MARQUEE_SETUP_FAILED', `Maven left no archive in ${archive}`);
    }
    await runLogged({
      step: 'unpacking of the schema registry',
      command: 'tar',
      args: ['-xzf', join(archive, file), '-C', folder],
      logFile: installLog(context, 'registry'),
      remedy: `check that the disk of ${folder} has 300 MB free.`,
    });
    rmSync(archive, { recursive: true });
  });
}

/** The `java` to run servers with. Throws MARQUEE_SETUP_FAILED below version 17. */
export function findJava(javaHome: string | undefined): string {
  const command = javaHome === undefined || javaHome === '' ? 'java' : join(javaHome, 'bin/java');
  const shown = spawnSync(command, ['-version'], { encoding: 'utf8' });
  const version = /version "(\d+)/.exec(shown.error === undefined ? shown.stderr : '')?.[1];
  if (version !== undefined && Number(version) >= 17) return command;
  throw new MarqueeError(
    'MARQUEE_SETUP_FAILED',
    `Kafka and the registry need Java 17 or newer; ${command} is ${version ?? 'not there'}. ` +
      'To do: install a JDK (./marquee doctor says how) or set JAVA_HOME.',
  );
}
