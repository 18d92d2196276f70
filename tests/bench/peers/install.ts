import { join } from 'node:path';
import { installLog, installOnce } from '../../../cli/stack/install/install-once.ts';
import type { InstallContext } from '../../../cli/stack/install/install-once.ts';
import { withLock } from '../../../cli/stack/host/lock.ts';
import { runLogged } from '../../../cli/stack/host/run-logged.ts';
import { versions } from '../../../cli/stack/install/versions.ts';

export const PATHWAY_VERSION = '0.33.0';
export const DEBEZIUM_VERSION = '3.6.0.Final';
export const CONNECT_VERSION = '4.3.1';
export const ICEBERG_VERSION = '1.12.0';
export const DUCKDB_VERSION = '2.0.0';
export const IMPLICIT_VERSION = '0.7.3';

/** A Python of its own with Pathway in it (1.6 GB); returns the interpreter's path. */
export function installPathway(context: InstallContext): Promise<string> {
  return installPython(context, 'pathway', PATHWAY_VERSION);
}

/** A Python of its own with DuckDB in it (some 60 MB); returns the interpreter's path. */
export function installDuckdb(context: InstallContext): Promise<string> {
  return installPython(context, 'duckdb', DUCKDB_VERSION);
}

/** A Python of its own with implicit in it (some 150 MB); returns the interpreter's path. */
export function installImplicit(context: InstallContext): Promise<string> {
  return installPython(context, 'implicit', IMPLICIT_VERSION);
}

async function installPython(
  context: InstallContext,
  name: string,
  version: string,
): Promise<string> {
  const folder = await installOnce(context, `bench/${name}-${version}`, async (part) => {
    const logFile = installLog(context, name);
    const remedy = 'check that python3 is 3.11+ with venv, and that PyPI is reachable.';
    context.step.update(`fetching ${name}==${version} from PyPI`);
    await runLogged({
      step: `creation of a virtual environment for ${name}`,
      command: 'python3',
      args: ['-m', 'venv', part],
      logFile,
      remedy,
    });
    await runLogged({
      step: `installation of ${name}==${version}`,
      command: join(part, 'bin', 'python'),
      args: ['-m', 'pip', 'install', '--disable-pip-version-check', `${name}==${version}`],
      logFile,
      remedy,
    });
  });
  return join(folder, 'bin', 'python');
}

/** The folder of the jars of Kafka Connect and Debezium's JDBC sink (73 MB). */
export function installDebezium(context: InstallContext): Promise<string> {
  return installJars(context, 'debezium', `debezium-jdbc-${DEBEZIUM_VERSION}`, 'Debezium');
}

/** The folder of the jars of Kafka Connect and Iceberg's sink. */
export function installIceberg(context: InstallContext): Promise<string> {
  return installJars(context, 'iceberg', `iceberg-sink-${ICEBERG_VERSION}`, 'Iceberg’s sink');
}

/** What `pom.xml` of the peer's folder names, with all that it needs. */
function installJars(
  context: InstallContext,
  peer: string,
  name: string,
  title: string,
): Promise<string> {
  return installOnce(context, `bench/${name}`, async (part) => {
    context.step.update(`fetching ${name} from Maven Central`);
    const plugin = `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}`;
    await withLock(join(context.cache, 'locks', 'maven.lock'), () =>
      runLogged({
        step: `download of the jars of ${title} and Kafka Connect`,
        command: 'mvn',
        args: [
          '-B',
          '-q',
          '-f',
          join(import.meta.dirname, peer, 'pom.xml'),
          `${plugin}:copy-dependencies`,
          `-DoutputDirectory=${part}`,
          '-DincludeScope=runtime',
        ],
        logFile: installLog(context, peer),
        remedy: 'check that `mvn -v` works and that Maven Central is reachable.',
        env: context.javaHome === undefined ? {} : { JAVA_HOME: context.javaHome },
      }),
    );
  });
}
