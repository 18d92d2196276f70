import type { Redis } from 'ioredis';
import { toRedisError } from './client.ts';

/** Bytes at the start of a value that say how new it is: a mark, then what is compared. */
export const MARK_BYTES = 4;
export const ORDER_BYTES = 24;

/**
 * Stores a value unless a newer one of the same kind (by its mark) is there. Strings are compared byte by byte,
 * since Lua's own comparison goes by the server's locale. Whatever else stands there is replaced.
 */
const PUT_NEWER = `
local length = ${MARK_BYTES + ORDER_BYTES}
local value = ARGV[1]
local ok, old = pcall(redis.call, 'GETRANGE', KEYS[1], 0, length - 1)
if ok and type(old) == 'string' and #old == length
  and string.sub(old, 1, ${MARK_BYTES}) == string.sub(value, 1, ${MARK_BYTES}) then
  for i = ${MARK_BYTES + 1}, length do
    local a, b = string.byte(old, i), string.byte(value, i)
    if a > b then return 0 end
    if a < b then break end
  end
end
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
return 1`;

interface Scripted {
  putNewer(key: string, value: Buffer, ttlMs: number): Promise<number>;
}

const scripted = new WeakSet<Redis>();

/**
 * True when it was stored, false when a newer value was there and stays. The value begins with a mark
 * and ORDER_BYTES that grow with its newness, compared as unsigned bytes.
 */
export async function putNewer(
  client: Redis,
  key: string,
  value: Buffer,
  ttlMs: number,
): Promise<boolean> {
  if (!scripted.has(client)) {
    client.defineCommand('putNewer', { numberOfKeys: 1, lua: PUT_NEWER });
    scripted.add(client);
  }
  try {
    return (await (client as unknown as Scripted).putNewer(key, value, ttlMs)) === 1;
  } catch (error) {
    throw toRedisError(error, 'storing a list');
  }
}
