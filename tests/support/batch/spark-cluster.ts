import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readEnvironment } from '../../../cli/config/config.ts';

export interface SparkCluster {
  /** For `--master`. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * A standalone cluster of Spark on this machine: a master, and workers of one core each, on free
 * ports of the loopback interface.
 */
export async function startSparkCluster(
  python: string,
  javaHome: string | undefined,
  workers: number,
): Promise<SparkCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'marquee-spark-'));
  const children: ChildProcess[] = [];
  const sparkClass = join(python, '..', 'spark-class');
  const env = {
    ...readEnvironment(),
    ...(javaHome === undefined ? {} : { JAVA_HOME: javaHome }),
    SPARK_LOCAL_IP: '127.0.0.1',
    PYSPARK_PYTHON: python,
  };

  /** Starts a part of it, and waits for what it says once it is up. */
  async function start(part: string, args: readonly string[], up: RegExp): Promise<string> {
    const child = spawn(sparkClass, [`org.apache.spark.deploy.${part}`, ...args], {
      env,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    const said: string[] = [];
    const lines = createInterface({ input: child.stderr });
    return new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        said.push(line);
        const found = up.exec(line);
        if (found !== null) resolve(found[1] ?? '');
      });
      lines.once('close', () => {
        reject(new Error(`Spark's ${part} ended:\n${said.slice(-5).join('\n')}`));
      });
    });
  }

  async function stop(): Promise<void> {
    await Promise.all(
      children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill('SIGTERM');
        await once(child, 'exit');
      }),
    );
    await rm(folder, { recursive: true, force: true });
  }

  try {
    const here = ['--host', '127.0.0.1', '--port', '0', '--webui-port', '0'];
    const url = await start('master.Master', here, /Starting Spark master at (spark:\S+)/);
    const each = [...here, '--cores', '1', '--memory', '2g', '--work-dir', folder, url];
    const registered = /Successfully registered with master/;
    await Promise.all(
      Array.from({ length: workers }, () => start('worker.Worker', each, registered)),
    );
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
