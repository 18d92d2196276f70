import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { MarqueeError } from '../../../common/error.ts';
import { installRegistry } from '../install/jars.ts';
import type { Service } from './service.ts';

const answerWithinMs = 2000;

/** Apicurio behind the Confluent API; schemas and their ids are kept in an H2 file. */
export const registryService: Service = {
  name: 'registry',
  needsJava: true,
  stopSignal: 'SIGTERM',
  stopGraceMs: 15_000,
  readyWithinMs: 180_000,
  install: installRegistry,

  configure(context) {
    mkdirSync(context.dataDir, { recursive: true });
    const runner = readdirSync(context.programs).find((name) => name.endsWith('-runner.jar'));
    if (runner === undefined) {
      throw new MarqueeError(
        'MARQUEE_SETUP_FAILED',
        `${context.programs} holds no runner jar; remove that folder and run ./marquee up again`,
      );
    }
    const database = `jdbc:h2:file:${join(context.dataDir, 'registry')};DB_CLOSE_ON_EXIT=FALSE`;
    return Promise.resolve({
      command: context.java,
      args: [
        '-Xms64m',
        '-Xmx384m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-XX:+ExitOnOutOfMemoryError',
        '-Dquarkus.http.host=127.0.0.1',
        `-Dquarkus.http.port=${context.state.ports.registry}`,
        '-Dquarkus.log.level=WARN',
        '-Dquarkus.log.console.color=false',
        '-jar',
        join(context.programs, runner),
      ],
      env: {
        REGISTRY_DATASOURCE_URL: database,
        QUARKUS_DATASOURCE_JDBC_URL: database,
        // No start-up calls to the outside.
        REGISTRY_DOWNLOAD_HREF_TTL: '30',
      },
      cwd: context.dataDir,
    });
  },

  async health({ state }) {
    const base = `http://127.0.0.1:${state.ports.registry}`;
    const subjects = await fetch(`${base}/apis/ccompat/v7/subjects`, {
      signal: AbortSignal.timeout(answerWithinMs),
    });
    if (!subjects.ok) throw new Error(`the registry answers ${subjects.status}`);
    await subjects.arrayBuffer();
    const info = await fetch(`${base}/apis/registry/v2/system/info`, {
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const { version } = (await info.json()) as { version: string };
    return version;
  },
};
