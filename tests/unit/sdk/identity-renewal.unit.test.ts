import { expect, it } from 'vitest';
import { createIdentityRenewal } from '../../../sdk/src/identity-renewal.ts';
import type { ProducerIdentity } from '../../../sdk/src/metadata-loader.ts';

it('gives the old identity to nobody, and takes a new one when no request bears it', () => {
  let identity: ProducerIdentity | null = { producerId: 1n, producerEpoch: 0 };
  let inUse = true;
  const done: string[] = [];
  const metadata = {
    identity: () => identity,
    renewIdentity() {
      done.push('renewed');
      identity = null;
    },
  };
  const accumulator = { restartSequences: () => void done.push('restarted') };
  const renewal = createIdentityRenewal(metadata, accumulator, () => inUse);
  expect(renewal.current()?.producerId).toBe(1n);
  renewal.renewSoon();
  expect(renewal.current()).toBeNull();
  expect(done).toEqual([]);
  inUse = false;
  expect(renewal.current()).toBeNull();
  expect(done).toEqual(['restarted', 'renewed']);
  identity = { producerId: 2n, producerEpoch: 0 };
  expect(renewal.current()?.producerId).toBe(2n);
  expect(done).toHaveLength(2);
});
