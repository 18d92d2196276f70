import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { ApiProblem } from './problem.ts';

type Unpack = (packed: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

const UNPACK: ReadonlyMap<string, Unpack> = new Map<string, Unpack>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
]);

/** Nothing that is read has a depth of more than 4. */
const DEPTH_MAX = 16;

/** The body as it was before it was packed. Unpacking ends at the bound: a bomb never explodes. */
export async function unpackBody(
  body: Buffer,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Buffer> {
  const name = (encoding ?? 'identity').trim().toLowerCase();
  if (name === 'identity') return body;
  const unpack = UNPACK.get(name);
  if (unpack === undefined)
    throw new ApiProblem(
      'unsupported_media_type',
      `Content-Encoding ${JSON.stringify(name.slice(0, 40))} is not read`,
      { remedy: 'gzip, deflate, br, or none', headers: { 'accept-encoding': 'gzip, deflate, br' } },
    );
  try {
    return await unpack(body, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
    throw new ApiProblem('invalid_request', `the body is no ${name} data`);
  }
}

export function tooLarge(bytesMax: number): ApiProblem {
  return new ApiProblem('too_large', `the body has more than ${bytesMax} bytes as unpacked`, {
    remedy: 'send less at a time',
  });
}

/** Reads JSON, and refuses what would harm who works with it: depth, prototypes, wrong UTF-8. */
export function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw new ApiProblem('invalid_request', 'the body is not valid UTF-8');
  if (isDeep(body))
    throw new ApiProblem('invalid_request', `the body is nested deeper than ${DEPTH_MAX}`);
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new ApiProblem('invalid_request', 'the body is not JSON');
  }
  if (hasPrototype(body, value))
    throw new ApiProblem('invalid_request', 'the body reaches for a prototype');
  return value;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

function isDeep(body: Buffer): boolean {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (inText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > DEPTH_MAX) return true;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
  }
  return false;
}

/** A name may be written with escapes, so those send it to the search too. */
function hasPrototype(body: Buffer, value: unknown): boolean {
  if (!body.includes('__proto__') && !body.includes('constructor') && !body.includes('\\u'))
    return false;
  return holdsName(value);
}

function holdsName(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsName);
  return Object.entries(value).some(
    ([name, member]) =>
      name === '__proto__' ||
      (name === 'constructor' && typeof member === 'object') ||
      holdsName(member),
  );
}
