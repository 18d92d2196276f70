import { join } from 'node:path';
import { loadConfig } from '../../../cli/config/config.ts';
import { withLock } from '../../../cli/stack/host/lock.ts';
import { runLogged } from '../../../cli/stack/host/run-logged.ts';
import { installLog, installOnce } from '../../../cli/stack/install/install-once.ts';
import { versions } from '../../../cli/stack/install/versions.ts';
import type { Progress } from '../../../cli/terminal/progress.ts';
import { stepOf } from '../../../cli/terminal/steps.ts';

export const DEBEZIUM_VERSION = '3.6.0.Final';
export const CONNECT_VERSION = '4.3.1';
export const ICEBERG_VERSION = '1.12.0';

/** The folder of the jars of Kafka Connect and Debezium's JDBC sink (73 MB). */
export function installDebezium(progress: Progress): Promise<string> {
  return installJars(progress, 'debezium', `debezium-jdbc-${DEBEZIUM_VERSION}`, 'Debezium');
}

/** The folder of the jars of Kafka Connect and Iceberg's sink (180 MB). */
export function installIceberg(progress: Progress): Promise<string> {
  return installJars(progress, 'iceberg', `iceberg-sink-${ICEBERG_VERSION}`, 'Iceberg’s sink');
}

/** What `pom.xml` of the peer's folder names, with all that it needs. */
function installJars(
  progress: Progress,
  peer: string,
  name: string,
  title: string,
): Promise<string> {
  const { cache, stack } = loadConfig();
  const env = stack.javaHome === undefined ? {} : { JAVA_HOME: stack.javaHome };
  const plugin = `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}`;
  return stepOf(progress, peer, async (step) => {
    const place = { cache, step };
    const folder = await installOnce(place, `bench/${name}`, async (part) => {
      step.update(`fetching ${name} from Maven Central`);
      await withLock(join(cache, 'locks', 'maven.lock'), () =>
        runLogged({
          step: `download of the jars of ${title} and Kafka Connect`,
          command: 'mvn',
          args: [
            ...['-B', '-q', '-f', join(import.meta.dirname, peer, 'pom.xml')],
            ...[`${plugin}:copy-dependencies`, `-DoutputDirectory=${part}`],
            '-DincludeScope=runtime',
          ],
          logFile: installLog(place, peer),
          remedy: 'check that `mvn -v` works and that Maven Central is reachable.',
          env,
        }),
      );
    });
    step.done('installed');
    return folder;
  });
}
