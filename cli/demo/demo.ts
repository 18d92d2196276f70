import { join } from 'node:path';
import type { Session } from '../../connectors/postgres/session.ts';
import { openSession } from '../../connectors/postgres/session.ts';
import { MarqueeError } from '../../common/error.ts';
import { PROCESSORS } from '../../streams/index.ts';
import type { Config } from '../config/config.ts';
import { openMovieLensSource } from '../import/movielens/movielens-source.ts';
import { openGeneratedSource } from '../import/generated-source.ts';
import type { ImportSource } from '../import/import-source.ts';
import { describeRejects } from '../import/report.ts';
import { STOP_SIGNALS, clusterIdOf, openRejects } from '../import/run-import.ts';
import { INTERRUPTED, withInterrupt } from '../terminal/interrupt.ts';
import { throttled } from '../terminal/throttled.ts';
import { isDelivered, sendImport, undelivered } from '../import/send.ts';
import type { SendReport } from '../import/send.ts';
import { bringUp } from '../stack/bring-up.ts';
import { createProgress } from '../terminal/progress.ts';
import type { Progress } from '../terminal/progress.ts';
import { DEFAULT_WORLD } from '../datagen/plan.ts';
import { archiveAll } from './archive.ts';
import { trainAll, untilStore } from './batch.ts';
import { agrees, compareCounts, readTableCounts } from './counts.ts';
import type { SentCounts } from './counts.ts';
import { startProcessors } from './child-command.ts';
import type { ChildCommand } from './child-command.ts';
import { runLive } from './live.ts';
import { createPositionLine, describeCounts, describeNext, describeSamples } from './report.ts';
import type { JobResult } from './report.ts';
import { ownsAll, untilCaughtUp } from './catch-up.ts';
import { readLogBounds } from '../../operations/log-bounds.ts';
import type { TopicBounds } from '../../operations/log-bounds.ts';
import { MINUTE_MS } from '../../common/time.ts';

export interface DemoOptions {
  /** A MovieLens folder; else a synthetic world. */
  readonly movielens: string | undefined;
  /** User actions of the synthetic world. */
  readonly events: number;
  /** Train on what was archived. */
  readonly batch: boolean;
  /** How long users are simulated at the end, who ask the API and answer; null: until Ctrl-C. */
  readonly liveSeconds: number | null;
}

const STALL_MS = MINUTE_MS;

const allProcessors = Object.values(PROCESSORS);
const topics = allProcessors.map(({ source }) => source.topic);

/**
 * The main job from nothing: the stack, the processors, an import, and what the tables hold of it
 * against what was sent. Returns the exit code: 0 when every count agrees.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const begin = performance.now();
  const config = await bringUp({ waitAll: false });
  print('');
  return withInterrupt(async (signal) => {
    const session = await openSession({
      url: config.postgres.readerUrl,
      applicationName: 'marquee-demo',
    });
    try {
      const { source, result } = await runShown(options, config, session, signal);
      print(describeCounts(source, result));
      print(await describeSamples(session));
      const ready = await untilStore(config, signal);
      const archived = await archiveAll(ready, signal);
      print(archived.text);
      if (archived.done && options.batch) print(await trainAll(ready));
      print(describeNext(performance.now() - begin));
      if (options.liveSeconds !== 0) await runLive(ready, options.liveSeconds, print, signal);
      return result.checks.every(agrees) && archived.balanced ? 0 : 1;
    } catch (error) {
      if (!signal.aborted) throw error;
      print('Interrupted. Run the demo again: what has arrived is not counted twice.');
      return INTERRUPTED;
    } finally {
      await session.close();
    }
  }, STOP_SIGNALS);
}

/** The job with its lines of progress; the processors are gone when it returns. */
async function runShown(
  options: DemoOptions,
  config: Config,
  session: Session,
  signal: AbortSignal,
): Promise<{ source: ImportSource; result: JobResult }> {
  const progress = createProgress(process.stderr);
  const rejects = openRejects(config);
  let processors: ChildCommand | null = null;
  try {
    const source = await openSource(options, config, rejects);
    rejects.close();
    for (const note of [...source.notes, ...describeRejects(rejects)]) progress.note(note);
    const logFile = join(config.home, 'logs', 'demo-processors.log');
    processors = startProcessors(logFile, Object.keys(PROCESSORS));
    const result = await runJob({ config, source, processors, session, progress, signal });
    return { source, result };
  } finally {
    progress.close();
    await processors?.stop();
  }
}

async function openSource(
  options: DemoOptions,
  config: Config,
  rejects: ReturnType<typeof openRejects>,
): Promise<ImportSource> {
  const rest = {
    config,
    clusterId: await clusterIdOf(config),
    until: undefined,
    whenPast: 'new',
    nowMs: Date.now(),
  } as const;
  if (options.movielens === undefined)
    return openGeneratedSource({ ...rest, plan: { ...DEFAULT_WORLD, events: options.events } });
  const request = { ...rest, folder: options.movielens, asLive: true, moviesOnly: false };
  return openMovieLensSource(request, rejects);
}

interface Job {
  readonly config: Config;
  readonly source: ImportSource;
  readonly processors: ChildCommand;
  readonly session: Session;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Sends and applies side by side, and compares. */
async function runJob(job: Job): Promise<JobResult> {
  const { config, source, processors, session, progress, signal } = job;
  const { brokers } = config.kafka;
  const about = {
    importId: source.importId,
    users: source.users,
    movieIds: source.movies.map(({ movie_id }) => movie_id),
  };
  // What earlier runs left in the topics is applied first, so that what this run adds is known.
  const left = await readLogBounds(brokers, topics);
  let owned = false;
  await followTables(job, 'processors', {
    ends: () => left,
    isFinal: async () => (owned ||= await ownsAll(session, allProcessors, processors.pid)),
  });
  const before = await readTableCounts(session, about);

  const begin = performance.now();
  let ends: TopicBounds = left;
  let isFinal = false;
  const stop = new AbortController();
  const sending = sendImport(source, {
    ...{ brokers, registryUrl: config.registry.url, progress },
    signal: AbortSignal.any([signal, stop.signal]),
  }).then(async (report) => {
    ends = await readLogBounds(brokers, topics);
    isFinal = true;
    return report;
  });
  const following = followTables(job, 'tables', { ends: () => ends, isFinal: () => isFinal });
  // Where nothing is applied any more there is nothing to send for.
  following.catch(() => {
    stop.abort();
  });
  const [report] = await allOrFirst(sending, following);
  const totalMs = performance.now() - begin;
  if (!isDelivered(report)) throw undelivered(report);

  const sent: SentCounts = {
    ...about,
    users: report.users,
    actions: report.actions.acked,
    serves: report.serves.acked,
    answers: report.answers,
  };
  processors.check();
  const checks = compareCounts(sent, before, await readTableCounts(session, about));
  return { checks, actions: report.actions.acked, sendMs: report.actionsMs, totalMs };
}

/** Both to their end; the second one's error is the one that says why. */
async function allOrFirst(
  sending: Promise<SendReport>,
  following: Promise<void>,
): Promise<[SendReport]> {
  const [sent, followed] = await Promise.allSettled([sending, following]);
  if (followed.status === 'rejected') throw followed.reason;
  if (sent.status === 'rejected') throw sent.reason;
  return [sent.value];
}

async function followTables(
  { session, processors, progress, signal, source }: Job,
  name: string,
  goal: { ends(): TopicBounds; isFinal(): boolean | Promise<boolean> },
): Promise<void> {
  const step = progress.step(name);
  const shown = createPositionLine(source.actions);
  const update = throttled(step);
  update('starting');
  try {
    await untilCaughtUp({
      ...{
        session,
        processors: allProcessors,
        ends: () => goal.ends(),
        isFinal: () => goal.isFinal(),
      },
      check: () => {
        if (signal.aborted) throw new MarqueeError('MARQUEE_INTERRUPTED', 'stopped by a signal');
        processors.check();
      },
      seen: (positions, isFinal) => {
        update(shown(positions, isFinal));
      },
      stallMs: STALL_MS,
    });
    step.done(`all ${allProcessors.length} are at the end of their topics`);
  } catch (error) {
    step.fail('stopped');
    throw error;
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
