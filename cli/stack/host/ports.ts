import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { MarqueeError } from '../../../common/error.ts';

/**
 * Below the range from which the kernel takes the ports of outgoing connections: else a client that
 * retries a stopped server can be given the server's own port and connect to itself.
 */
const lowest = 20_000;
const beyond = 32_000;
const tries = 200;

/** True when a server could listen on this loopback port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(false);
    });
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}

const soonMs = 5_000;
const lookEveryMs = 50;

/** As isFree, giving whoever has the port a few seconds to leave it. */
export async function isFreeSoon(port: number): Promise<boolean> {
  const deadline = performance.now() + soonMs;
  while (!(await isFree(port))) {
    if (performance.now() > deadline) return false;
    await delay(lookEveryMs);
  }
  return true;
}

/** A random loopback port that nobody listens on and that is not in `taken`. */
export async function freePort(taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const port = randomInt(lowest, beyond);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new MarqueeError(
    'MARQUEE_STACK_FAILED',
    `No free port between ${lowest} and ${beyond} in ${tries} tries`,
  );
}
