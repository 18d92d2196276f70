import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Progress } from '../terminal/progress.ts';
import { allOrErrors, stepOf } from '../terminal/steps.ts';
import { forgetBackground, launchBackground, runningBackground } from './background.ts';
import { withLock } from './host/lock.ts';
import { send, stopProcess } from './host/process.ts';
import type { InstallContext, StackPlace } from './install/install-once.ts';
import { recordFile, runningService } from './service-files.ts';
import { readServiceStatus, type ServiceStatus } from './service-status.ts';
import { kafkaService } from './services/kafka.ts';
import { objectStoreService } from './services/object-store.ts';
import { postgresService } from './services/postgres.ts';
import { registryService } from './services/registry.ts';
import type { Service } from './services/service.ts';
import type { ServiceName } from './services/service-names.ts';
import { ensureState, readState, type PortWishes, type StackState } from './services/state.ts';
import { valkeyService } from './services/valkey.ts';
import { startService } from './start-service.ts';
import { named, planUp, type UpOptions } from './up-plan.ts';

const allServices: readonly Service[] = [
  kafkaService,
  registryService,
  postgresService,
  valkeyService,
  objectStoreService,
];
/** Users of others go first. */
const stopOrder: readonly (readonly ServiceName[])[] = [
  ['object-store', 'valkey', 'registry'],
  ['kafka', 'postgres'],
];
const killGraceMs = 10_000;

export interface StackOptions extends StackPlace {
  readonly ports: PortWishes;
  readonly progress: Progress;
}

/** The servers of one home. Every call may come from another process than the one before. */
export interface Stack {
  /** Installs, starts and waits for health, side by side; harmless for what runs already. */
  up(options: UpOptions): Promise<StackState>;
  /** Puts the programs of the services into the cache, and starts nothing. */
  install(names?: readonly ServiceName[]): Promise<void>;
  /** Stops every service of this home; true when something ran. */
  down(): Promise<boolean>;
  stopService(name: ServiceName): Promise<void>;
  /** Signals a service; for SIGKILL returns when it and its children are gone. */
  kill(name: ServiceName, signal: NodeJS.Signals): Promise<void>;
  pid(name: ServiceName): number | null;
  status(): Promise<readonly ServiceStatus[]>;
}

export function createStack(options: StackOptions): Stack {
  const { home, progress } = options;
  const services = allServices.filter(
    ({ name }) => name !== 'object-store' || options.objectStore !== 'none',
  );
  const note = (text: string): void => {
    progress.note(text);
  };
  const locked = <T>(body: () => Promise<T>): Promise<T> => {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    return withLock(join(home, 'stack.lock'), body, (holder) => {
      note(`waiting for process ${holder.pid}, which works on ${home}`);
    });
  };
  /** One step of progress for each, side by side. */
  const forEach = (
    chosen: readonly Service[],
    work: (service: Service, context: InstallContext) => Promise<void>,
  ): Promise<void> =>
    allOrErrors(
      chosen.map((service) =>
        stepOf(progress, service.name, (step) => work(service, { ...options, note, step })),
      ),
    );

  return {
    up: (request) =>
      locked(async () => {
        const names = services.map(({ name }) => name);
        const running = new Set(names.filter((name) => runningService(home, name) !== null));
        const state = await ensureState(home, options.ports, running, note);
        const { now, later } = planUp(
          services,
          request,
          running,
          (service) => service.isSlow?.(options) === true,
        );
        if (request.slow === 'background') launchBackground(options, later.length > 0, note);
        await forEach(now, (service, context) => startService(service, state, context));
        return state;
      }),

    install: (names) =>
      forEach(named(services, names), async (service, context) => {
        await service.install(context);
        context.step.done('installed');
      }),

    down: () => locked(() => stopAll(services, home, progress)),

    stopService: (name) =>
      locked(async () => {
        for (const service of named(services, [name])) await stop(service, home, progress);
      }),

    async kill(name, signal) {
      const running = runningService(home, name);
      if (running === null) return;
      if (signal === 'SIGKILL') await stopProcess(running, 'SIGKILL', killGraceMs);
      else send(running, signal);
    },

    pid: (name) => runningService(home, name)?.pid ?? null,

    async status() {
      const state = readState(home);
      return Promise.all(services.map((service) => readServiceStatus(service, home, state)));
    },
  };
}

/** True when something ran. */
async function stopAll(
  services: readonly Service[],
  home: string,
  progress: Progress,
): Promise<boolean> {
  const stopped = [await stopBackground(home)];
  for (const group of stopOrder) {
    const stopping = named(services, group).map((service) => stop(service, home, progress));
    stopped.push(...(await Promise.all(stopping)));
  }
  return stopped.includes(true);
}

/** True when it ran. */
async function stop(service: Service, home: string, progress: Progress): Promise<boolean> {
  const running = runningService(home, service.name);
  if (running === null) return false;
  const step = progress.step(service.name);
  step.update('stopping');
  const clean = await stopProcess(running, service.stopSignal, service.stopGraceMs);
  rmSync(recordFile(home, service.name), { force: true });
  step.done(clean ? 'stopped' : 'killed: it did not stop in time');
  return true;
}

async function stopBackground(home: string): Promise<boolean> {
  const worker = runningBackground(home);
  if (worker === null) return false;
  // Compilers need no grace: what they have done is in their caches.
  await stopProcess(worker, 'SIGKILL', 0);
  forgetBackground(home);
  return true;
}
