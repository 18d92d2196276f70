import { windowBefore } from './live-window.ts';
import type { LiveWindow } from './live-window.ts';
import { openMemories, planLive } from './import-memory.ts';
import type { ImportMemory } from './import-memory.ts';

export interface LiveRequest {
  readonly home: string;
  readonly clusterId: string;
  /** The data's origin, for people: a folder, or a seed. */
  readonly source: string;
  readonly dataHash: string;
  readonly spanMs: number;
  readonly askedUntilMs: number | null;
  readonly nowMs: number;
  readonly lateHorizonMs: number;
  /**
   * For data whose earlier times are too old to be sent again: `skip` sends nothing, `new` sends it
   * with new times, as new events.
   */
  readonly whenPast: 'skip' | 'new';
}

export interface Live {
  /** Null when nothing is to be sent. */
  readonly window: LiveWindow | null;
  readonly again: boolean;
  /** An earlier import that was cut off, and can't be gone on with. */
  readonly lostTail: ImportMemory | null;
  readonly notes: readonly string[];
  begin(): void;
  finish(): void;
}

/** Places data in time as live traffic, by what the home remembers of it. */
export function placeLive(request: LiveRequest): Live {
  const { spanMs, nowMs, lateHorizonMs, dataHash, clusterId, source } = request;
  const memories = openMemories(request.home, clusterId);
  const before = memories.find(dataHash);
  let plan = planLive(before, request.askedUntilMs, spanMs, nowMs, lateHorizonMs);
  const notes: string[] = [];
  let lostTail: ImportMemory | null = null;
  if (plan.kind === 'past') {
    const times = `with times up to ${iso(plan.before.untilMs)}`;
    const state = plan.before.finishedAt === null ? 'sent in part' : 'sent';
    const past = `this data was ${state} before, ${times}: too long ago to be sent again.`;
    if (request.whenPast === 'skip') {
      notes.push(`${past} Nothing is sent; --until now sends it as new events.`);
      if (plan.before.finishedAt === null) lostTail = plan.before;
    } else {
      notes.push(`${past} It is sent with new times, as new events.`);
      plan = { kind: 'new', untilMs: nowMs };
    }
  } else if (plan.kind === 'again') {
    const times = `times up to ${iso(plan.untilMs)}`;
    notes.push(
      plan.before.finishedAt === null
        ? `an import of this data was interrupted: it is sent again with the same ids and ${times}, and what is in the tables stays as it is.`
        : `this data was sent before: the same events go out again, same ids and ${times}, and change nothing in the tables.`,
    );
  } else {
    const other = before ?? memories.findOther(source, dataHash);
    if (other !== null)
      notes.push(
        `${before === null ? 'other data of this source' : 'this data'} was sent before, with times up to ${iso(other.untilMs)}; these are new events.`,
      );
  }
  if (plan.kind === 'past')
    return { window: null, again: true, lostTail, notes, begin: nothing, finish: nothing };
  const { untilMs } = plan;
  const memory: ImportMemory = {
    ...{ source, dataHash, clusterId, untilMs },
    startedAt: new Date(nowMs).toISOString(),
    finishedAt: null,
  };
  const isDone = plan.kind === 'again' && plan.before.finishedAt !== null;
  return {
    window: windowBefore(untilMs, spanMs),
    again: plan.kind === 'again',
    lostTail,
    notes,
    begin: () => {
      if (!isDone) memories.save(memory);
    },
    finish: () => {
      if (!isDone) memories.save({ ...memory, finishedAt: new Date().toISOString() });
    },
  };
}

function nothing(): void {
  // Nothing was sent, so there is nothing to remember.
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
