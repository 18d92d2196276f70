import { expect, it } from 'vitest';
import { createAdmission } from '../../../../../serving/api/keys/admission.ts';
import type { ApiKey } from '../../../../../serving/api/keys/api-key.ts';
import { formatKey, hashSecret, makeKey } from '../../../../../serving/api/keys/key-text.ts';

function admissionOf(scopes: ApiKey['scopes']) {
  const made = makeKey();
  let key: ApiKey = {
    keyId: made.keyId,
    secretSha256: hashSecret(made.secret),
    scopes,
    app: 'web',
    userId: null,
    requestsPerSecond: 1_000,
    createdAtMs: 1,
    withdrawnAtMs: null,
    changedAtMs: 1,
    note: '',
  };
  const ring = {
    find: (keyId: string) => (keyId === key.keyId ? key : undefined),
    isKnown: () => true,
    status: () => ({ keys: 1, readAtMs: 1, fault: null }),
    close: () => Promise.resolve(),
  };
  return {
    header: `Bearer ${formatKey(made)}`,
    admission: createAdmission(ring, 1_000, () => undefined),
    change(fields: Partial<ApiKey>) {
      key = { ...key, ...fields };
    },
  };
}

it('refuses a key that was withdrawn after it was let in', () => {
  const { admission, header, change } = admissionOf(['read']);
  for (let n = 0; n < 3; n++) expect(admission.header(header, 'read').app).toBe('web');
  change({ withdrawnAtMs: 2 });
  expect(() => admission.header(header, 'read')).toThrow('unknown or was withdrawn');
});

it('knows the words of a key that was let in, and no others', () => {
  const { admission, header } = admissionOf(['read']);
  admission.header(header, 'read');
  const other = header.slice(0, -1) + (header.endsWith('A') ? 'B' : 'A');
  expect(() => admission.header(other, 'read')).toThrow('unknown or was withdrawn');
  expect(() => admission.header(header, 'emit')).toThrow('scope');
});

it('sees what changes of a key that was let in', () => {
  const { admission, header, change } = admissionOf(['read']);
  admission.header(header, 'read');
  change({ scopes: ['emit'], app: 'page' });
  expect(() => admission.header(header, 'read')).toThrow('scope');
  expect(admission.header(header, 'emit').app).toBe('page');
});
