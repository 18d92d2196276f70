import { MarqueeError } from '../../common/error.ts';

/** Words of a store about itself or the network, as opposed to those about the request. */
const PASSING_CODES = new Set([
  'InternalError',
  'ServiceUnavailable',
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'RequestTimeout',
  'XMinioServerNotInitialized',
  'OperationAborted',
  'XMinioStorageFull',
  'UnknownError',
]);

/** Names of the SDK's errors for requests that it does not even send. */
const UNSENDABLE = new Set([
  'InvalidBucketNameError',
  'InvalidObjectNameError',
  'InvalidArgumentError',
]);

/**
 * A fault of a request as a MarqueeError; retriable where the same request may succeed later.
 * `doing` is the request, `place` the bucket and the store that it went to.
 */
export function toStoreError(error: unknown, doing: string, place: string): MarqueeError {
  if (error instanceof MarqueeError) return error;
  const { code: told, message = '', name = '' } = error as Partial<Error & { code: string }>;
  const code = UNSENDABLE.has(name) ? name : told;
  const what = `${doing} in ${place}`;
  const said = message === '' ? String(code) : message;
  const fault = (marqueeCode: string, text: string, retriable: boolean): MarqueeError =>
    new MarqueeError(marqueeCode, `${what}: ${text}`, { cause: error, retriable });

  if (code === 'NoSuchKey' || code === 'NotFound')
    return fault('MARQUEE_OBJECT_MISSING', 'there is no such object', false);
  const answered = code !== undefined && isCodeOfStore(code);
  if (answered && !PASSING_CODES.has(code))
    return fault('MARQUEE_STORE_REFUSED', `${said} (${code}). ${hintAt(code)}`, false);
  const withCode = answered ? `${said} (${code})` : said;
  return fault('MARQUEE_STORE_UNAVAILABLE', `${withCode}. Is the store up, and has it room?`, true);
}

/** S3 says NoSuchBucket; the system says ECONNREFUSED, all in capitals. */
function isCodeOfStore(code: string): boolean {
  return /^[A-Z][A-Za-z]*[a-z][A-Za-z]*$/.test(code);
}

function hintAt(code: string): string {
  return code === 'RequestTimeTooSkewed'
    ? "Is this machine's clock right, and the store's?"
    : 'Are the bucket, the keys and their rights as in `marquee config`?';
}
