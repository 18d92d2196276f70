import { formatSeconds } from './text.ts';

/** A running step, which reports; `done` or `fail` ends it. */
export interface Step {
  update(text: string): void;
  done(text: string): void;
  fail(text: string): void;
}

export interface Progress {
  step(name: string): Step;
  /** One line that is not a step's, such as a port that was taken. */
  note(text: string): void;
  /** Stops redrawing; the last state of each step stays on the screen. */
  close(): void;
}

export const silentProgress: Progress = {
  step: () => ({ update: () => undefined, done: () => undefined, fail: () => undefined }),
  note: () => undefined,
  close: () => undefined,
};

interface Line {
  readonly name: string;
  readonly since: number;
  text: string;
  mark: string;
  took: number | null;
}

const redrawIntervalMs = 250;

/** One line a step: redrawn in place on a terminal, printed at each change elsewhere. */
export function createProgress(out: NodeJS.WriteStream): Progress {
  return out.isTTY ? terminalProgress(out) : plainProgress(out);
}

function plainProgress(out: NodeJS.WritableStream): Progress {
  return {
    step(name) {
      const since = performance.now();
      const write = (mark: string, text: string): void => {
        out.write(`${mark} ${name.padEnd(12)} ${text}\n`);
      };
      const took = (): string => formatSeconds(performance.now() - since);
      return {
        update: (text) => {
          write('..', text);
        },
        done: (text) => {
          write('ok', `${text} (${took()})`);
        },
        fail: (text) => {
          write('!!', `${text} (${took()})`);
        },
      };
    },
    note: (text) => {
      out.write(`-- ${text}\n`);
    },
    close: () => undefined,
  };
}

function terminalProgress(out: NodeJS.WriteStream): Progress {
  const lines: Line[] = [];
  let drawn = 0;
  const render = (line: Line): string => {
    const seconds = formatSeconds(line.took ?? performance.now() - line.since);
    const shown = `${line.mark} ${line.name.padEnd(12)} ${line.text} (${seconds})`;
    return shown.slice(0, Math.max(20, out.columns - 1));
  };
  const erase = (): void => {
    if (drawn > 0) out.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const draw = (): void => {
    erase();
    for (const line of lines) out.write(`${render(line)}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, redrawIntervalMs);
  timer.unref();
  return {
    step(name) {
      const line: Line = { name, since: performance.now(), text: '', mark: '..', took: null };
      lines.push(line);
      const end = (mark: string, text: string): void => {
        line.took = performance.now() - line.since;
        line.mark = mark;
        line.text = text;
        draw();
      };
      return {
        update: (text) => {
          line.text = text;
        },
        done: (text) => {
          end('ok', text);
        },
        fail: (text) => {
          end('!!', text);
        },
      };
    },
    note(text) {
      erase();
      out.write(`-- ${text}\n`);
      draw();
    },
    close() {
      clearInterval(timer);
      draw();
      drawn = 0;
    },
  };
}
