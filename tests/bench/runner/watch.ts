import type { StartedClient } from './child.ts';
import { startSampler, type CpuSample } from './sampler.ts';
import type { BenchStack } from './stack.ts';

export interface Watched<T> {
  readonly result: T;
  readonly samples: readonly CpuSample[];
  /** Peak of resident memory, in bytes, of each client that is a process. */
  readonly peakRss: readonly number[];
}

/** Samples clients and servers while `work` goes on; the clients are stopped at its end. */
export async function watchClients<T>(
  { pids }: BenchStack,
  clients: readonly StartedClient[],
  work: () => Promise<T>,
): Promise<Watched<T>> {
  const processes = clients.flatMap(({ pid }) => (pid === null ? [] : [pid]));
  const sampler = startSampler({ ...pids, client: processes });
  try {
    const result = await work();
    sampler.stop();
    return { result, samples: sampler.samples, peakRss: sampler.peakRss() };
  } finally {
    sampler.stop();
    await Promise.all(clients.map((client) => client.stop()));
  }
}
