import type { Redis } from 'ioredis';
import { toRedisError } from './client.ts';

/** Only what was looked at goes: another may have put something better there meanwhile. */
const DROP_VALUE = `
local ok, value = pcall(redis.call, 'GET', KEYS[1])
if ok and value == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0`;

interface Scripted {
  dropValue(key: string, value: Buffer): Promise<number>;
}

const scripted = new WeakSet<Redis>();

/** Removes a key that still has this value. */
export async function dropValue(client: Redis, key: string, value: Buffer): Promise<void> {
  if (!scripted.has(client)) {
    client.defineCommand('dropValue', { numberOfKeys: 1, lua: DROP_VALUE });
    scripted.add(client);
  }
  try {
    await (client as unknown as Scripted).dropValue(key, value);
  } catch (error) {
    throw toRedisError(error, 'removing what is no list');
  }
}
