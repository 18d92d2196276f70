import { setTimeout as delay } from 'node:timers/promises';
import { asError } from '../../../common/error.ts';
import type { Question } from './questions.ts';

/** A request and what became of it. */
export interface Asked {
  readonly question: Question;
  /** Epoch ms. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** 0 where no answer came, since the connection failed. */
  readonly status: number;
  readonly text: string;
}

export interface Load {
  /** All that was answered so far, in that order. */
  readonly asked: readonly Asked[];
  /** Resolves when what begins from now on was answered so many times. */
  more(count: number): Promise<void>;
  /** Asks nothing more, and waits for what is under way. */
  stop(): Promise<readonly Asked[]>;
}

export interface LoadOptions {
  /** Where it is asked now; null: nowhere, and nothing is asked. */
  url(): string | null;
  readonly key: string;
  readonly perSecond: number;
  /** The n-th question. */
  question(n: number): Question;
}

const TICK_MS = 10;
const UNDER_WAY_MAX = 400;
const TIMEOUT_MS = 10_000;

/** Asks at a constant rate, whatever the answers take, and keeps every answer. */
export function startLoad(options: LoadOptions): Load {
  const asked: Asked[] = [];
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  let due = 0;
  let over = false;

  async function ask(url: string, question: Question): Promise<void> {
    const startedAt = Date.now();
    const end = (status: number, text: string): void => {
      asked.push({ question, startedAt, endedAt: Date.now(), status, text });
    };
    try {
      const response = await fetch(url + question.path, {
        method: question.body === null ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${options.key}`, 'content-type': 'application/json' },
        body: question.body === null ? null : JSON.stringify(question.body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      end(response.status, await response.text());
    } catch (error) {
      const { message, cause } = error as Error;
      end(0, `${message} ${asError(cause).message}`);
    }
  }

  function askDue(): void {
    const now = Math.floor(((performance.now() - began) * options.perSecond) / 1_000);
    const url = options.url();
    for (; due < now; due++) {
      if (url === null || underWay.size >= UNDER_WAY_MAX) continue;
      const one = ask(url, options.question(due)).finally(() => underWay.delete(one));
      underWay.add(one);
    }
  }
  const timer = setInterval(askDue, TICK_MS);

  return {
    asked,
    async more(count) {
      const since = Date.now();
      const late = performance.now() + 60_000 + (count * 1_000) / options.perSecond;
      const isNew = ({ startedAt }: Asked): boolean => startedAt >= since;
      while (asked.filter(isNew).length < count) {
        if (performance.now() > late) throw new Error(`${count} more answers did not come`);
        await delay(TICK_MS);
      }
    },
    async stop() {
      if (!over) clearInterval(timer);
      over = true;
      await Promise.all(underWay);
      return asked;
    },
  };
}
