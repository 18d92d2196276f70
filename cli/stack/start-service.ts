import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../common/error.ts';
import type { Step } from '../terminal/progress.ts';
import { formatSeconds, tail } from '../terminal/text.ts';
import { isRunning, launch, stopProcess, type ProcessRecord } from './host/process.ts';
import type { InstallContext } from './install/install-once.ts';
import { findJava } from './install/jars.ts';
import { logFile, recordFile, runningService } from './service-files.ts';
import type { Service, ServiceContext } from './services/service.ts';
import type { StackState } from './services/state.ts';

const healthIntervalMs = 100;

/** Installs and starts a service unless it runs, and waits until it can be used. */
export async function startService(
  service: Service,
  state: StackState,
  install: InstallContext,
): Promise<void> {
  const { home, note, step } = install;
  const { name } = service;
  const java = service.needsJava ? findJava(install.javaHome) : '';
  const programs = await service.install(install);
  const context: ServiceContext = { home, dataDir: join(home, name), state, programs, java, note };
  const before = runningService(home, name);
  const running = before ?? (await launchService(service, context, step));
  try {
    const version = await untilHealthy(service, state, running, logFile(home, name));
    await service.bootstrap?.(context);
    const where = `127.0.0.1:${state.ports[name]}`;
    step.done(`${before === null ? 'up' : 'runs already'}, ${where}, ${version}`);
  } catch (cause) {
    // What this call started and can't be used is not left behind.
    if (before === null) await stopProcess(running, service.stopSignal, service.stopGraceMs);
    throw cause;
  }
}

async function launchService(
  service: Service,
  context: ServiceContext,
  step: Step,
): Promise<ProcessRecord> {
  const { home } = context;
  step.update('starting');
  return launch(
    await service.configure(context),
    recordFile(home, service.name),
    logFile(home, service.name),
  );
}

/**
 * The version once it answers. Throws as soon as the process ends, or after the service's bound.
 */
async function untilHealthy(
  service: Service,
  state: StackState,
  running: ProcessRecord,
  log: string,
): Promise<string> {
  const deadline = performance.now() + service.readyWithinMs;
  for (;;) {
    try {
      return await service.health({ state });
    } catch (cause) {
      if (!isRunning(running)) throw unhealthy(service, 'ended', log, cause);
      if (performance.now() > deadline) {
        const within = formatSeconds(service.readyWithinMs);
        throw unhealthy(service, `did not answer within ${within}`, log, cause);
      }
      await delay(healthIntervalMs);
    }
  }
}

function unhealthy({ name }: Service, what: string, log: string, cause: unknown): MarqueeError {
  return new MarqueeError(
    'MARQUEE_STACK_FAILED',
    `${name} ${what} (last: ${(cause as Error).message}).\n${lastLines(log)}\nLog: ${log}\n` +
      'To do: read the log; ./marquee down && ./marquee up starts it anew.',
    { cause, retriable: true },
  );
}

function lastLines(file: string): string {
  try {
    return tail(readFileSync(file, 'utf8'), 8);
  } catch {
    return '';
  }
}
