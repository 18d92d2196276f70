import { describe, expect, it, test } from 'vitest';
import { toStoreError } from '../../../../connectors/object-store/store-errors.ts';

const PLACE = 'bucket b at http://store:9000';
const faultOf = (over: { code?: string; name?: string; message?: string }) =>
  toStoreError(Object.assign(new Error(over.message ?? 'it failed'), over), 'GET x', PLACE);

test.each(['NoSuchKey', 'NotFound'])('%s: the object is missing', (code) => {
  expect(faultOf({ code })).toMatchObject({ code: 'MARQUEE_OBJECT_MISSING', retriable: false });
});

describe('a fault that may pass is retriable', () => {
  it.each(['SlowDown', 'InternalError', 'ServiceUnavailable', 'XMinioStorageFull'])(
    'by the word of the store: %s',
    (code) => {
      expect(faultOf({ code })).toMatchObject({
        code: 'MARQUEE_STORE_UNAVAILABLE',
        retriable: true,
      });
      expect(faultOf({ code }).message).toContain(`(${code})`);
    },
  );
  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', undefined])('by the network: %s', (code) => {
    const fault = faultOf(code === undefined ? {} : { code });
    expect(fault).toMatchObject({ code: 'MARQUEE_STORE_UNAVAILABLE', retriable: true });
  });
});

describe('a refusal stays one', () => {
  it.each(['NoSuchBucket', 'AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch'])(
    'by the word of the store: %s',
    (code) => {
      expect(faultOf({ code })).toMatchObject({ code: 'MARQUEE_STORE_REFUSED', retriable: false });
    },
  );
  it('also where the SDK does not even send', () => {
    const fault = faultOf({ name: 'InvalidBucketNameError' });
    expect(fault).toMatchObject({ code: 'MARQUEE_STORE_REFUSED', retriable: false });
  });
  it('with a hint at the clock where that is the reason', () => {
    expect(faultOf({ code: 'RequestTimeTooSkewed' }).message).toMatch(/clock/);
    expect(faultOf({ code: 'AccessDenied' }).message).toMatch(/keys/);
  });
});

test('the request, the bucket and the store are named, and the cause is kept', () => {
  const cause = Object.assign(new Error('refused'), { code: 'AccessDenied' });
  const fault = toStoreError(cause, 'GET x', PLACE);
  expect(fault.message).toContain('GET x in bucket b at http://store:9000: refused');
  expect(fault.cause).toBe(cause);
});

test('an error without words is named by its code', () => {
  expect(faultOf({ code: 'ECONNREFUSED', message: '' }).message).toContain(': ECONNREFUSED.');
});

test('a fault that is known already stays as it is', () => {
  const known = faultOf({ code: 'NoSuchKey' });
  expect(toStoreError(known, 'PUT y', PLACE)).toBe(known);
});
