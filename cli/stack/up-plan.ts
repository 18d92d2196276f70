import type { Service } from './services/service.ts';
import type { ServiceName } from './services/service-names.ts';

export interface UpOptions {
  /** All services unless given. */
  readonly names?: readonly ServiceName[];
  /**
   * 'background' returns before a service whose program must be built; it starts by itself later.
   */
  readonly slow: 'wait' | 'background';
}

export interface UpPlan {
  /** Installed, started and waited for by this call; harmless for what runs already. */
  readonly now: readonly Service[];
  /** Left to the background worker. */
  readonly later: readonly Service[];
}

/**
 * A service is left for later only when nobody waits, it doesn't run, and its program takes
 * minutes.
 */
export function planUp(
  services: readonly Service[],
  { names, slow }: UpOptions,
  running: ReadonlySet<ServiceName>,
  takesMinutes: (service: Service) => boolean,
): UpPlan {
  const { now = [], later = [] } = Object.groupBy(named(services, names), (service) =>
    slow === 'background' && !running.has(service.name) && takesMinutes(service) ? 'later' : 'now',
  );
  return { now, later };
}

export function named(
  services: readonly Service[],
  names: readonly ServiceName[] | undefined,
): readonly Service[] {
  return services.filter(({ name }) => names?.includes(name) ?? true);
}
