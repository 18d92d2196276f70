import { text } from 'node:stream/consumers';
import type { EventsView } from '../../archive/query/events-view.ts';
import { loadConfig } from '../config/config.ts';
import { createProgress } from '../terminal/progress.ts';
import { toInterrupted } from './interrupted.ts';
import { openEvents } from './open.ts';
import { textOf, write } from './output.ts';
import type { Format } from './output.ts';
import { runShell } from './shell.ts';
import { statementsOf } from './statements.ts';

export interface SqlFlags {
  readonly command?: string;
  readonly format?: Format;
}

/** As wide as the terminal; a file or a pipe cuts nothing off that a person would read. */
const WIDTH = process.stdout.isTTY ? Math.max(80, process.stdout.columns) : 400;

/** The command `marquee sql`: interactive at a terminal, else what -c or standard input says. */
export async function runSql({ command, format = 'table' }: SqlFlags): Promise<void> {
  const interactive = command === undefined && process.stdin.isTTY;
  const input = interactive ? '' : (command ?? (await text(process.stdin)));
  const config = loadConfig();
  const progress = createProgress(process.stderr);
  try {
    const view = await openEvents(config, { progress });
    try {
      if (interactive) await runShell(view, { format, width: WIDTH, home: config.home });
      else await runStatements(view, statementsOf(input), format);
    } finally {
      await view.close();
    }
  } finally {
    progress.close();
  }
}

async function runStatements(
  view: EventsView,
  statements: readonly string[],
  format: Format,
): Promise<void> {
  const stop = () => {
    view.interrupt();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    for (const statement of statements) {
      const result = await view.stream(statement);
      await write(textOf(result, format, WIDTH), process.stdout);
    }
  } catch (error) {
    throw toInterrupted(error);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
