import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import type { BatchReport } from '../../../cli/batch/run.ts';
import { cliEnvironment, runCli, type CliResult } from '../cli.ts';
import type { Environment } from '../streams/environment.ts';

const SMALL = [
  ...['als.factors=8', 'als.iterations=3', 'ratings.factors=4', 'ratings.iterations=3'],
  ...['item_item.regularisation=50', 'item_item.neighbour_regularisation=50'],
  'item_item.neighbours=10',
].flatMap((setting) => ['--set', setting]);
/** A run of seconds: the JVM compiles quickly rather than well. */
const QUICK = ['--conf', 'spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'];

/** Options of a run with small models that takes seconds. */
export const QUICK_RUN: readonly string[] = ['--memory', '1g', ...SMALL, ...QUICK];

/** Runs the batch stage in an environment, with small models, and looks at what it left there. */
export interface Driver {
  marquee(args: readonly string[], env?: Record<string, string>): Promise<CliResult>;
  batch(more?: readonly string[], env?: Record<string, string>): Promise<CliResult>;
  /** A run that goes well. */
  run(...more: string[]): Promise<BatchReport>;
  /** All rows of a statement, as text. */
  rows(statement: string): Promise<string[]>;
}

export function createDriver(environment: Environment): Driver {
  const driver: Driver = {
    marquee: (args, env = {}) =>
      runCli(args, {
        ...cliEnvironment(environment.config.home, environment.config.cache),
        ...env,
      }),
    batch: (more = [], env = {}) =>
      driver.marquee(['batch', 'run', '--json', ...QUICK_RUN, ...more], env),
    async run(...more) {
      const { code, stdout, stderr } = await driver.batch(more, { SPARK_LOCAL_IP: '127.0.0.1' });
      expect(`${String(code)}\n${stderr}`).toMatch(/^0\n/);
      return JSON.parse(stdout) as BatchReport;
    },
    async rows(statement) {
      const found = await environment.admin.query<{ row: string }>(
        `SELECT row::text FROM (${statement}) AS row`,
      );
      return found.map(({ row }) => row);
    },
  };
  return driver;
}

/** Folders of runs that are not running any more. */
export function leftFolders(): string[] {
  const pidOf = (name: string) => /^marquee-batch-(\d+)-/.exec(name)?.[1];
  return readdirSync(tmpdir()).filter((name) => {
    const pid = pidOf(name);
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
}
