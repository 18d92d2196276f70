import { backgroundError, runningBackground } from './background.ts';
import { logFile, runningService } from './service-files.ts';
import type { Service } from './services/service.ts';
import type { ServiceName } from './services/service-names.ts';
import type { StackState } from './services/state.ts';

/**
 * The state of one service: `down` has no process, `failing` has one that doesn't answer,
 * `building` will be started by itself when its program is there, `failed` could not be built.
 */
export interface ServiceStatus {
  readonly name: ServiceName;
  readonly state: 'up' | 'building' | 'failing' | 'failed' | 'down';
  readonly pid: number | null;
  readonly port: number | null;
  readonly version: string | null;
  readonly detail: string | null;
  readonly log: string;
}

export async function readServiceStatus(
  service: Service,
  home: string,
  state: StackState | null,
): Promise<ServiceStatus> {
  const { name } = service;
  const running = runningService(home, name);
  const log = logFile(home, name);
  const base = { name, pid: running?.pid ?? null, port: null, version: null, log };
  if (running === null || state === null) return { ...base, ...stateWithoutProcess(service, home) };
  const port = state.ports[name];
  try {
    const version = await service.health({ state });
    return { ...base, state: 'up', port, version, detail: null };
  } catch (cause) {
    return { ...base, state: 'failing', port, detail: (cause as Error).message };
  }
}

/** Only a service whose program is built here can be on its way, or have failed on it. */
function stateWithoutProcess(
  service: Service,
  home: string,
): Pick<ServiceStatus, 'state' | 'detail'> {
  if (service.isSlow === undefined) return { state: 'down', detail: null };
  if (runningBackground(home) !== null) return { state: 'building', detail: null };
  const detail = backgroundError(home);
  return { state: detail === null ? 'down' : 'failed', detail };
}
