import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../runner/child.ts';
import type { System } from './system.ts';
import { createPeerTable } from './table.ts';
import { pythonPeerVersion } from '../peers/python.ts';

const TABLE = { schema: 'bench', table: 'pathway' } as const;
const BATCH = 10_000;

/** Pathway with one worker: JSON from Kafka, binary COPY into Postgres, at least once. */
export function pathwaySystem(python: string): System {
  return {
    name: 'Pathway',
    description:
      `pathway ${pythonPeerVersion('pathway')} (PyPI), PATHWAY_THREADS=1, JSON; append by binary COPY, ` +
      `max_batch_size ${String(BATCH)}; at least once; two columns more (time, diff), ` +
      'which its append mode needs',
    table: TABLE,
    reset: (context) => createPeerTable(context, TABLE, ['time bigint', 'diff smallint']),
    start({ stack, load, workDir, logFile, runId }) {
      const url = new URL(stack.adminUrl);
      const config = {
        kafka: {
          'bootstrap.servers': stack.brokers.join(','),
          'group.id': `bench-pathway-${runId}`,
          'auto.offset.reset': 'earliest',
          'fetch.min.bytes': '1048576',
          'fetch.wait.max.ms': '100',
        },
        topic: load.jsonTopic,
        autocommit_ms: 100,
        postgres: {
          host: url.hostname,
          port: url.port,
          dbname: url.pathname.slice(1),
          user: url.username,
          password: url.password,
        },
        schema: TABLE.schema,
        table: TABLE.table,
        batch: BATCH,
      };
      const file = join(workDir, `pathway-${runId}.json`);
      writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
      return Promise.resolve(
        startChild({
          command: python,
          args: [join(import.meta.dirname, '..', 'peers', 'pathway_job.py'), file],
          env: { PATHWAY_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' },
          logFile,
          cwd: workDir,
        }),
      );
    },
  };
}
