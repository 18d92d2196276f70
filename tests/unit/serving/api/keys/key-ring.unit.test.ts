import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MarqueeError } from '../../../../../common/error.ts';
import type { ApiKey } from '../../../../../serving/api/keys/api-key.ts';
import { createKeyCopy } from '../../../../../serving/api/keys/key-copy.ts';
import { openKeyRing } from '../../../../../serving/api/keys/key-ring.ts';
import type { KeyRing, KeySource } from '../../../../../serving/api/keys/key-ring.ts';
import {
  formatKey,
  hashSecret,
  makeKey,
  parseKey,
} from '../../../../../serving/api/keys/key-text.ts';
import { until } from '../../../../support/until.ts';

let folder: string;
let file: string;
let rings: KeyRing[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'marquee-keys-'));
  file = join(folder, 'deep', 'keys.json');
  rings = [];
});
afterEach(async () => {
  for (const ring of rings) await ring.close();
  rmSync(folder, { recursive: true });
});

const log = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 };

function keyAt(changedAtMs: number, fields: Partial<ApiKey> = {}): ApiKey {
  const { keyId, secret } = makeKey();
  return {
    keyId,
    secretSha256: hashSecret(secret),
    scopes: ['read'],
    app: 'web',
    userId: null,
    requestsPerSecond: null,
    createdAtMs: changedAtMs,
    withdrawnAtMs: null,
    changedAtMs,
    note: '',
    ...fields,
  };
}

async function open(source: KeySource): Promise<KeyRing> {
  const ring = await openKeyRing({ source, copy: createKeyCopy(file), log, refreshMs: 5 });
  rings.push(ring);
  return ring;
}

const close = () => Promise.resolve();
const away: KeySource = {
  read: () => Promise.reject(new MarqueeError('MARQUEE_PG_UNAVAILABLE', 'away')),
  close,
};

it('asks for all keys once, and then for what changed', async () => {
  const first = keyAt(100);
  const later = keyAt(200);
  const answers = [[first], [first], [first, later]];
  const asked: (number | null)[] = [];
  const ring = await open({
    read(sinceMs) {
      asked.push(sinceMs);
      return Promise.resolve(answers[Math.min(asked.length, answers.length) - 1] ?? []);
    },
    close,
  });
  expect(ring.find(first.keyId)).toEqual(first);
  await until('the later key', 5_000, () => ring.find(later.keyId));
  await until('another look', 5_000, () => asked.length > 3);
  expect(asked.slice(0, 4)).toEqual([null, 100, 100, 200]);
});

it('keeps its keys while the source is away, and takes a withdrawal when it is back', async () => {
  const key = keyAt(100);
  let state: 'here' | 'away' | 'back' = 'here';
  const ring = await open({
    read: () =>
      state === 'here'
        ? Promise.resolve([key])
        : state === 'away'
          ? away.read(null)
          : Promise.resolve([{ ...key, withdrawnAtMs: 300, changedAtMs: 300 }]),
    close,
  });
  state = 'away';
  await until('the fault', 5_000, () => ring.status().fault);
  expect(ring.find(key.keyId)).toEqual(key);
  state = 'back';
  await until('the withdrawal', 5_000, () => ring.find(key.keyId)?.withdrawnAtMs);
  expect(ring.status()).toMatchObject({ keys: 0, fault: null });
});

it('starts from its copy, which none but the owner can read', async () => {
  const key = keyAt(100, { userId: 'u', requestsPerSecond: 5, scopes: ['emit', 'read'] });
  await open({ read: () => Promise.resolve([key]), close });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, 'deep'))).toEqual(['keys.json']);
  const ring = await open(away);
  expect(ring.isKnown()).toBe(true);
  expect(ring.find(key.keyId)).toEqual(key);
});

it('knows nothing without source and copy, or with a copy that is broken', async () => {
  expect((await open(away)).isKnown()).toBe(false);
  await createKeyCopy(file).write([keyAt(1)]);
  for (const text of ['', '{', '{"format":2,"keys":[]}', '{"format":1,"keys":[{}]}']) {
    writeFileSync(file, text);
    await expect(createKeyCopy(file).read()).rejects.toThrow(
      expect.objectContaining({ code: 'MARQUEE_KEY_COPY' }),
    );
    expect((await open(away)).isKnown()).toBe(false);
  }
});

it('makes keys that it can read, and reads no others', () => {
  const made = makeKey();
  expect(parseKey(formatKey(made))).toEqual(made);
  for (const text of ['', 'mq__', `${formatKey(made)}x`, ` ${formatKey(made)}`])
    expect(parseKey(text)).toBeNull();
});
