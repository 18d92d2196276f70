import { MarqueeError } from '../../common/error.ts';
import type { Progress, Step } from '../terminal/progress.ts';
import { formatCount, formatRate } from '../terminal/format.ts';
import { openCatalogueSink, openEventSink } from './sinks.ts';
import type { Delivered, Sink } from './sinks.ts';
import type { ImportSource } from './import-source.ts';
import { throttled } from '../terminal/throttled.ts';

export interface SendOptions {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  readonly progress: Progress;
  /** Aborted: stops sending, and waits for what is under way. */
  readonly signal: AbortSignal;
}

/** Counts of a sending by kind. It succeeded when nothing failed and it was not interrupted. */
export interface SendReport {
  readonly movies: Delivered;
  readonly actions: Delivered;
  readonly serves: Delivered;
  /** Actions sent that answer a serve. */
  readonly answers: number;
  /** Distinct users of the actions sent. */
  readonly users: readonly string[];
  /** From the first action to the last acknowledgement. */
  readonly actionsMs: number;
  readonly interrupted: boolean;
}

const LOOK_MS = 100;
const FAULT_SHOWN_MS = 3_000;

/** Sends movies, then events in their order, and remembers that it did. */
export async function sendImport(source: ImportSource, options: SendOptions): Promise<SendReport> {
  const { progress, signal } = options;
  const { note, recovered } = createFaultNotes(progress);
  const connection = { ...options, onFault: note };
  const catalogue = openCatalogueSink(connection);
  // Two producers of one app, so that what was acknowledged is known apart.
  const actions = openEventSink(source.app, connection);
  const serves = openEventSink(source.app, connection);
  const users = new Set<string>();
  let answers = 0;
  const clock = { actionsMs: 0 };
  source.begin();
  try {
    await track(progress, 'catalogue', source.movies.length, catalogue, async () => {
      for (const movie of source.movies) {
        if (signal.aborted) return;
        await catalogue.send(movie);
      }
    });
    recovered();
    const begin = performance.now();
    await track(progress, 'actions', source.actions, actions, async () => {
      for (const event of source.events()) {
        if (signal.aborted) break;
        if (event.kind === 'serve') {
          await serves.send(event);
          continue;
        }
        users.add(event.action.userId);
        if (event.action.requestId !== undefined) answers += 1;
        await actions.send(event);
      }
      await serves.flush();
    });
    clock.actionsMs = performance.now() - begin;
  } finally {
    await Promise.all([catalogue.close(), actions.close(), serves.close()]);
  }
  const report: SendReport = {
    movies: catalogue.counts(),
    actions: actions.counts(),
    serves: serves.counts(),
    answers,
    users: [...users],
    actionsMs: clock.actionsMs,
    interrupted: signal.aborted,
  };
  if (isDelivered(report)) source.finish();
  return report;
}

export function isDelivered({ movies, actions, serves, interrupted }: SendReport): boolean {
  return !interrupted && movies.failed + actions.failed + serves.failed === 0;
}

/** The error of a sending that did not succeed. */
export function undelivered({ movies, actions, serves }: SendReport): MarqueeError {
  const failed = movies.failed + actions.failed + serves.failed;
  const why = movies.error ?? actions.error ?? serves.error;
  return new MarqueeError(
    'MARQUEE_IMPORT_UNDELIVERED',
    `${formatCount(failed)} messages were not acknowledged: ${why?.message ?? 'interrupted'}. ` +
      'Run the same command again; what has arrived is not counted twice.',
    { cause: why },
  );
}

/** One line of progress: acknowledged of all, and how many a second. */
async function track(
  progress: Progress,
  name: string,
  total: number,
  sink: Sink<never>,
  work: () => Promise<void>,
): Promise<void> {
  if (total === 0) return;
  const step: Step = progress.step(name);
  const update = throttled(step);
  const begin = performance.now();
  const rate = (acked: number): string => formatRate(acked, performance.now() - begin);
  const timer = setInterval(() => {
    const { acked } = sink.counts();
    update(`${formatCount(acked)} of ${formatCount(total)} acknowledged, ${rate(acked)}`);
  }, LOOK_MS);
  try {
    await work();
    await sink.flush();
  } finally {
    clearInterval(timer);
    const { acked, failed, error } = sink.counts();
    if (failed > 0) step.fail(`${formatCount(failed)} not delivered: ${error?.message ?? ''}`);
    else step.done(`${formatCount(acked)} acknowledged, ${rate(acked)}`);
  }
}

/** Says that a server is away when it stays so, and not at each try. */
function createFaultNotes(progress: Progress) {
  let code = '';
  let since = 0;
  let isSaid = false;
  return {
    note(error: MarqueeError): void {
      if (error.code !== code) {
        code = error.code;
        since = performance.now();
        isSaid = false;
      }
      // A broker that has just started refuses the first requests; a second later it doesn't.
      if (isSaid || performance.now() - since < FAULT_SHOWN_MS) return;
      isSaid = true;
      progress.note(`${error.code}: ${error.message} Trying again.`);
    },
    recovered(): void {
      code = '';
    },
  };
}
