import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MarqueeError } from '../../../common/error.ts';
import type { ApiKey } from './api-key.ts';

/** The keys on disk, for a start while Postgres is away. It holds hashes, no key that works. */
export interface KeyCopy {
  /** Null when there is none; throws MARQUEE_KEY_COPY for one that can't be read. */
  read(): Promise<ApiKey[] | null>;
  write(keys: Iterable<ApiKey>): Promise<void>;
}

const FORMAT = 1;
const OWNER_ONLY = 0o600;

export function createKeyCopy(file: string): KeyCopy {
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(file, 'utf8');
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
        throw unreadable(file, cause);
      }
      try {
        return parse(text);
      } catch (cause) {
        throw unreadable(file, cause);
      }
    },
    async write(keys) {
      const stored = [...keys].map((key) => ({
        ...key,
        secretSha256: key.secretSha256.toString('hex'),
      }));
      const text = JSON.stringify({ format: FORMAT, keys: stored });
      await mkdir(dirname(file), { recursive: true });
      const fresh = `${file}.${process.pid}.new`;
      // Whole or not at all: it is read when nothing else can be.
      try {
        const handle = await open(fresh, 'w', OWNER_ONLY);
        try {
          await handle.chmod(OWNER_ONLY);
          await handle.writeFile(text);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(fresh, file);
      } catch (error) {
        await rm(fresh, { force: true });
        throw error;
      }
    },
  };
}

function parse(text: string): ApiKey[] {
  const stored = JSON.parse(text) as {
    readonly format: unknown;
    readonly keys: readonly (Omit<ApiKey, 'secretSha256'> & { readonly secretSha256: string })[];
  };
  if (stored.format !== FORMAT) throw new Error(`format ${String(stored.format)}`);
  return stored.keys.map((key) => {
    const secretSha256 = Buffer.from(key.secretSha256, 'hex');
    if (secretSha256.length !== 32) throw new Error(`the hash of ${key.keyId} is cut`);
    return { ...key, secretSha256 };
  });
}

function unreadable(file: string, cause: unknown): MarqueeError {
  return new MarqueeError(
    'MARQUEE_KEY_COPY',
    `${file}, the copy of the keys, can't be read (${(cause as Error).message}); ` +
      'remove it, and start while Postgres is up',
    { cause },
  );
}
