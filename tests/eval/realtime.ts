import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { INTERRUPTED, withInterrupt } from '../../cli/terminal/interrupt.ts';
import { print } from '../../cli/terminal/output.ts';
import { createProgress } from '../../cli/terminal/progress.ts';
import { barsOf } from './realtime/bars.ts';
import { readRatings } from './realtime/ratings.ts';
import type { Ratings } from './realtime/ratings.ts';
import { referenceOf } from './realtime/reference.ts';
import { describe, describeBars } from './realtime/report.ts';
import { evaluateRealtime } from './realtime/run.ts';
import type { Evaluated } from './realtime/run.ts';

const HELP = `marquee eval realtime --data DIR: the lists that the running system serves, judged

A whole system on a stack of its own. The nightly run learns from the first half of each user's
ratings; then users come with what they did up to a moment of their past, moved so that the moment is
now: recent actions through the SDK, older ones by backfill and rebuild. What they are answered is
judged by what they did next. Status 1 when a bar is missed; bars are for ml-latest-small, all users.

  --data DIR          a MovieLens folder
  --limit-users N     so many people ask; the model learns from all (all)
  --report FILE       all figures as JSON
  --seed N            of the models, and of the intervals (7)
`;

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    data: text,
    'limit-users': text,
    report: text,
    seed: text,
    help: { type: 'boolean' },
  },
});

const seed = Number(values.seed ?? 7);
const usersMax = Number(values['limit-users'] ?? Infinity);

/** Returns the exit code. */
async function run(data: string): Promise<number> {
  const ratings = await readRatings(data);
  const reference = referenceOf(ratings);
  const evaluated = await evaluate(data, ratings);
  if (evaluated === null) return INTERRUPTED;
  print(describe(evaluated, reference).join('\n'));
  const whole = reference !== null && usersMax >= ratings.byUser.size;
  const bars = whole ? barsOf(evaluated.judged) : [];
  const why = whole ? describeBars(bars) : ['no bars: they are for all users of ml-latest-small'];
  print(['', `seed ${seed}`, ...why].join('\n'));
  if (values.report !== undefined)
    await writeFile(values.report, `${JSON.stringify({ seed, ...evaluated, bars }, null, 2)}\n`);
  return bars.every(({ holds }) => holds) ? 0 : 1;
}

/** Null when it was interrupted. */
async function evaluate(data: string, ratings: Ratings): Promise<Evaluated | null> {
  const progress = createProgress(process.stderr);
  const options = { data, ratings, usersMax, seed, rounds: ['cut', 'places'], batch: [] } as const;
  try {
    return await withInterrupt(async (signal) => {
      try {
        return await evaluateRealtime(options, signal, progress);
      } catch (error) {
        if (signal.aborted) return null;
        throw error;
      }
    });
  } finally {
    progress.close();
  }
}

if (values.data === undefined || values.help === true || !(usersMax >= 1) || !(seed >= 0)) {
  process.stdout.write(HELP);
  if (values.help !== true) process.exitCode = 2;
} else process.exitCode = await run(values.data);
