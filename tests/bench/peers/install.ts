import { join } from 'node:path';
import { installLog, installOnce } from '../../../cli/stack/install.ts';
import type { InstallContext } from '../../../cli/stack/install.ts';
import { withLock } from '../../../cli/stack/lock.ts';
import { runLogged } from '../../../cli/stack/run.ts';
import { versions } from '../../../cli/stack/versions.ts';

export const PATHWAY_VERSION = '0.33.0';
export const DEBEZIUM_VERSION = '3.6.0.Final';
export const CONNECT_VERSION = '4.3.1';

/** A Python of its own with Pathway in it (1.6 GB); returns the interpreter's path. */
export async function installPathway(context: InstallContext): Promise<string> {
  const name = `bench/pathway-${PATHWAY_VERSION}`;
  const folder = await installOnce(context, name, async (part) => {
    const logFile = installLog(context, 'pathway');
    const remedy = 'check that python3 is 3.11+ with venv, and that PyPI is reachable.';
    context.step.update(`fetching pathway==${PATHWAY_VERSION} from PyPI`);
    await runLogged({
      step: 'creation of a virtual environment for Pathway',
      command: 'python3',
      args: ['-m', 'venv', part],
      logFile,
      remedy,
    });
    await runLogged({
      step: `installation of pathway==${PATHWAY_VERSION}`,
      command: join(part, 'bin', 'python'),
      args: ['-m', 'pip', 'install', '--disable-pip-version-check', `pathway==${PATHWAY_VERSION}`],
      logFile,
      remedy,
    });
  });
  return join(folder, 'bin', 'python');
}

/** The folder of the jars of Kafka Connect and Debezium's JDBC sink (73 MB). */
export function installDebezium(context: InstallContext): Promise<string> {
  return installOnce(context, `bench/debezium-jdbc-${DEBEZIUM_VERSION}`, async (part) => {
    context.step.update(`fetching Debezium ${DEBEZIUM_VERSION} from Maven Central`);
    const plugin = `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}`;
    await withLock(join(context.cache, 'locks', 'maven.lock'), () =>
      runLogged({
        step: 'download of the jars of Debezium and Kafka Connect',
        command: 'mvn',
        args: [
          '-B',
          '-q',
          '-f',
          join(import.meta.dirname, 'debezium', 'pom.xml'),
          `${plugin}:copy-dependencies`,
          `-DoutputDirectory=${part}`,
          '-DincludeScope=runtime',
        ],
        logFile: installLog(context, 'debezium'),
        remedy: 'check that `mvn -v` works and that Maven Central is reachable.',
        env: context.javaHome === undefined ? {} : { JAVA_HOME: context.javaHome },
      }),
    );
  });
}
