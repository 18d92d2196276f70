import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { MarqueeError, asError } from '../../common/error.ts';
import type { Log } from '../../common/log.ts';
import { every } from '../../common/timers.ts';
import { openLastGood } from './last-good.ts';
import { MISSING, lookAt } from './look.ts';
import type { Look } from './look.ts';
import { startWith } from './start-surfaces.ts';
import { parseSurfaces } from './surfaces-file.ts';
import type { Surfaces } from './surfaces-file.ts';

export interface WatchOptions {
  readonly file: string;
  /** Where the last good file is kept. */
  readonly stateFolder: string;
  readonly log: SurfacesLog;
  readonly registry: Registry;
  /** Between two looks at the file. */
  readonly lookMs?: number;
  /** Called after the surfaces were changed, not for those of the start. */
  onChange(surfaces: Surfaces): void;
}

/** What is needed of a logger. */
export type SurfacesLog = Pick<Log, 'info' | 'error'>;

export interface SurfacesWatch {
  /** What holds now. A change is another object: who asks once a request sees one state in it. */
  current(): Surfaces;
  /** After it nothing is read, written, logged or called any more. */
  close(): Promise<void>;
}

/** A change counts when two looks agree: what is half written is passed over. So 1 s, and 2 at most. */
const LOOK_MS = 500;

/**
 * The surfaces of a file, followed as it changes, by whatever way: in place, by rename, by symbolic link.
 * The content is what is compared, so nothing depends on the clocks of file systems. A bad file is
 * refused, with an alarm until there is a good one, and what held before holds on; so is a file that is
 * gone. Where there never was a file the built-in surfaces hold.
 *
 * Throws MARQUEE_SURFACES_INVALID when neither the file nor the last good one can be used.
 */
export async function watchSurfaces(options: WatchOptions): Promise<SurfacesWatch> {
  const { file, log } = options;
  const refused = new Gauge({
    name: 'marquee_surfaces_refused',
    help: '1 while surfaces.yaml is refused and what held before holds on',
    registers: [options.registry],
  });
  const lastGood = openLastGood(options.stateFolder);
  const first = await lookAt(file);
  const start = await startWith(first, file, lastGood);
  let { surfaces } = start;
  let unsaved = start.unsaved;
  let settled = first.key;
  let waiting: string | null = null;
  /** No file was good yet: then none is missed. */
  let isBuiltIn = start.isBuiltIn;

  const refuse = (fault: MarqueeError): void => {
    refused.set(1);
    const faults = fault.message.split('\n');
    log.error({ event: 'surfaces_refused', code: fault.code, file, faults });
  };
  const accept = (content: Buffer): void => {
    surfaces = parseSurfaces(content, file);
    isBuiltIn = false;
    unsaved = content;
    refused.set(0);
    log.info({ event: 'surfaces_changed', file, versions: versionsOf(surfaces) });
    options.onChange(surfaces);
  };
  const save = async (): Promise<void> => {
    if (unsaved === null) return;
    const content = unsaved;
    await lastGood.save(content);
    if (unsaved === content) unsaved = null;
  };
  const saving = createSaving(save, lastGood.file, log);
  const look = async (): Promise<void> => {
    const seen = await lookAt(file);
    const isNew = seen.key !== settled;
    const isCertain = seen.key === waiting;
    waiting = seen.key;
    if (isNew && isCertain) {
      settled = seen.key;
      if (seen.key === MISSING && isBuiltIn) refused.set(0);
      else settle(seen, accept, refuse);
    }
    await saving();
  };

  if (start.fault === null) refused.set(0);
  else refuse(start.fault);
  await saving();
  let underWay = Promise.resolve();
  const stop = every(
    options.lookMs ?? LOOK_MS,
    () => (underWay = look()),
    (error) => {
      log.error({ event: 'surfaces_watch_failed', file, detail: asError(error).message });
    },
  );
  return {
    current: () => surfaces,
    async close() {
      stop();
      await underWay.catch(() => undefined); // told already
    },
  };
}

function settle(
  look: Look,
  accept: (content: Buffer) => void,
  refuse: (fault: MarqueeError) => void,
): void {
  if ('fault' in look) {
    refuse(look.fault);
    return;
  }
  try {
    accept(look.content);
  } catch (error) {
    if (!(error instanceof MarqueeError)) throw error;
    refuse(error);
  }
}

/** Tries again at each look, and says once that it doesn't work. */
function createSaving(
  save: () => Promise<void>,
  file: string,
  log: SurfacesLog,
): () => Promise<void> {
  let failing = false;
  return async () => {
    try {
      await save();
      failing = false;
    } catch (error) {
      const detail = asError(error).message;
      if (!failing) log.error({ event: 'surfaces_not_kept', file, detail });
      failing = true;
    }
  };
}

function versionsOf(surfaces: Surfaces): Readonly<Record<string, string>> {
  return Object.fromEntries([...surfaces.byName].map(([name, { version }]) => [name, version]));
}
