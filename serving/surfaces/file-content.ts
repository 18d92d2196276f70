import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

const CHUNK_BYTES = 16 * 1024;

/** At most so many bytes of a file; null where there is none. Symbolic links are followed. */
export async function readFileContent(file: string, bytesMax: number): Promise<Buffer | null> {
  try {
    // Without waiting for a writer, should it be a pipe.
    const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const chunks: Buffer[] = [];
      for (let left = bytesMax; left > 0;) {
        const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, left));
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
        if (bytesRead === 0) break;
        chunks.push(chunk.subarray(0, bytesRead));
        left -= bytesRead;
      }
      return Buffer.concat(chunks);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
