import type { StartedClient } from '../runner/child.ts';
import type { BenchStack } from '../runner/stack.ts';
import type { Load } from './load.ts';
import type { TableName } from './table.ts';

/** What every system of a run is given. */
export interface RunContext {
  readonly stack: BenchStack;
  readonly load: Load;
  /** A folder for this run's configuration files. */
  readonly workDir: string;
  readonly logFile: string;
  /** Environment of Marquee's processes: MARQUEE_* settings that differ from the defaults. */
  readonly settings: Readonly<Record<string, string>>;
  /** Tells runs apart: consumer groups, file names. */
  readonly runId: string;
}

/** One way from Kafka (or a file) into a table of 16 columns. */
export interface System {
  readonly name: string;
  /** Guarantee, mode and settings, for the report. */
  readonly description: string;
  readonly table: TableName;
  /** Empties its table and forgets its positions. */
  reset(context: RunContext): Promise<void>;
  /** Starts it as a process of its own; returns its pid. */
  start(context: RunContext): Promise<StartedClient>;
}
