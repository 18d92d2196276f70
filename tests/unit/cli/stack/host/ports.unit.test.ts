import { createServer, type AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePort, isFree } from '../../../../../cli/stack/host/ports.ts';
import { ensureState, readState } from '../../../../../cli/stack/services/state.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'marquee-state-'));
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

async function listening<T>(body: (port: number) => Promise<T>): Promise<T> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await body((server.address() as AddressInfo).port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Six ports that are free, as what a user would ask for. */
async function wishes() {
  const taken = new Set<number>();
  const next = async (): Promise<number> => {
    const port = await freePort(taken);
    taken.add(port);
    return port;
  };
  return {
    kafka: await next(),
    'kafka-controller': await next(),
    registry: await next(),
    postgres: await next(),
    valkey: await next(),
    'object-store': await next(),
  };
}

describe('ports', () => {
  it('tells a port that somebody listens on from a free one', async () => {
    const port = await listening(async (taken) => {
      expect(await isFree(taken)).toBe(false);
      return taken;
    });
    expect(await isFree(port)).toBe(true);
  });

  it('are below the range that outgoing connections get', async () => {
    expect(await freePort()).toBeLessThan(32_768);
  });
});

describe('ensureState', () => {
  it('takes the ports asked for, and keeps passwords and cluster over a second start', async () => {
    const asked = await wishes();
    const first = await ensureState(home, asked, new Set(), () => undefined);
    const second = await ensureState(home, asked, new Set(), () => undefined);
    expect(first.ports).toEqual(asked);
    expect(second).toEqual(first);
    expect(statSync(join(home, 'stack.json')).mode & 0o777).toBe(0o600);
  });

  it('replaces a taken port by a free one, and says so', async () => {
    const asked = await wishes();
    await listening(async (taken) => {
      const notes: string[] = [];
      const wished = { ...asked, postgres: taken };
      const state = await ensureState(home, wished, new Set(), (text) => notes.push(text));
      expect(state.ports.postgres).not.toBe(taken);
      expect(state.config.postgres?.writerUrl).toContain(`:${state.ports.postgres}/`);
      expect(notes).toEqual([`port ${taken} is taken: postgres uses ${state.ports.postgres}`]);
    });
  });

  it('leaves the port of a running part alone', async () => {
    const asked = await wishes();
    await ensureState(home, asked, new Set(), () => undefined);
    const other = await wishes();
    const state = await ensureState(home, other, new Set(['kafka']), () => undefined);
    expect(state.ports.kafka).toBe(asked.kafka);
    expect(state.ports['kafka-controller']).toBe(asked['kafka-controller']);
    expect(state.ports.postgres).toBe(other.postgres);
  });

  it('refuses to make new passwords over a state that it cannot read', async () => {
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(home, 'stack.json'), '{');
    expect(() => readState(home)).toThrow(/holds the passwords/);
    await expect(ensureState(home, 'free', new Set(), () => undefined)).rejects.toThrow();
  });
});
