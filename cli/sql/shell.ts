import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import { MarqueeError } from '../../common/error.ts';
import type { EventsView } from '../../archive/query/events-view.ts';
import { formatCount } from '../terminal/format.ts';
import { toInterrupted } from './interrupted.ts';
import { FORMATS, textOf, write } from './output.ts';
import type { Format } from './output.ts';
import { cutStatements } from './statements.ts';

export interface ShellOptions {
  format: Format;
  readonly width: number;
  /** Its folder keeps the history. */
  readonly home: string;
}

const HISTORY_LINES = 1_000;
const PROMPT = 'marquee> ';
const MORE = '    ...> ';

const HELP = `A statement ends with a semicolon. Ctrl-C ends one that runs, Ctrl-D leaves.
  DESCRIBE events;    its columns        SELECT * FROM manifest LIMIT 5;   its files
  .refresh            show what came since
  .format csv         table, csv or json
  .quit               leave
`;

/** Reads statements from the terminal until it ends. A statement that fails ends nothing. */
export async function runShell(view: EventsView, options: ShellOptions): Promise<void> {
  const history = createHistory(join(options.home, 'sql-history'));
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: PROMPT,
    history: history.lines(),
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
  });
  terminal.on('history', (lines: string[]) => {
    history.keep(lines);
  });
  let typed = '';
  let running = false;
  terminal.on('SIGINT', () => {
    if (running) {
      view.interrupt();
      return;
    }
    typed = '';
    process.stdout.write('\n');
    ask(terminal, typed);
  });
  process.stdout.write(`${asOfLine(view)}\nType .help for help.\n`);
  ask(terminal, typed);
  for await (const line of terminal) {
    running = true;
    try {
      if (typed === '' && line.trim().startsWith('.')) {
        if (!(await runDotted(line.trim(), view, options))) break;
      } else {
        const { statements, rest } = cutStatements(`${typed}${line}\n`);
        typed = rest;
        for (const statement of statements)
          await write(
            textOf(await view.stream(statement), options.format, options.width),
            process.stdout,
          );
      }
    } catch (error) {
      typed = '';
      report(toInterrupted(error));
    } finally {
      running = false;
    }
    ask(terminal, typed);
  }
  terminal.close();
}

function ask(terminal: Interface, typed: string): void {
  terminal.setPrompt(typed === '' ? PROMPT : MORE);
  terminal.prompt();
}

/** False when it is time to leave. */
async function runDotted(line: string, view: EventsView, options: ShellOptions): Promise<boolean> {
  const [command = '', argument = ''] = line.split(/\s+/);
  switch (command) {
    case '.quit':
    case '.exit':
      return false;
    case '.refresh':
      await view.refresh();
      process.stdout.write(`${asOfLine(view)}\n`);
      return true;
    case '.format': {
      const format = FORMATS.find((name) => name === argument);
      if (format === undefined) process.stdout.write(`One of ${FORMATS.join(', ')}.\n`);
      else options.format = format;
      return true;
    }
    default:
      process.stdout.write(HELP);
      return true;
  }
}

function asOfLine(view: EventsView): string {
  const { asOf, files } = view.manifest();
  const dates = new Set(files.map(({ date }) => date)).size;
  return `events as of ${asOf}: ${formatCount(files.length)} files of ${formatCount(dates)} dates, and the hot table`;
}

function report(error: unknown): void {
  if (!(error instanceof MarqueeError)) throw error;
  process.stdout.write(`${error.code}: ${error.message}\n`);
}

/** Newest first, as readline has it. A history that can't be kept is no fault. */
function createHistory(file: string) {
  return {
    lines(): string[] {
      try {
        return readFileSync(file, 'utf8').split('\n').filter(Boolean);
      } catch {
        return [];
      }
    },
    keep(lines: readonly string[]): void {
      try {
        mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
        writeFileSync(file, lines.join('\n'), { mode: 0o600 });
      } catch {
        // The home is not ours to write: the terminal still has it for this session.
      }
    },
  };
}
