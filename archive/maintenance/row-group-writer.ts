import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Table, transformParquetStream } from 'parquet-wasm/node';
import type { RecordBatch } from 'parquet-wasm/node';
import type { EventColumns } from '../format/columns.ts';
import { encodeIpc, writerProperties } from '../format/encode.ts';
import type { FileFacts } from '../format/encode.ts';

/** Writes a local Parquet file a row group at a time, and hashes it on its way. */
export function createRowGroupWriter(
  path: string,
  { topic, metadata }: { readonly topic: string; readonly metadata: FileFacts['metadata'] },
) {
  const { readable, writable } = new TransformStream<RecordBatch, RecordBatch>();
  const batches = writable.getWriter();
  const hash = createHash('sha256');
  let bytes = 0;
  const written = (async () => {
    const file = await open(path, 'w');
    try {
      const parquet = await transformParquetStream(readable, writerProperties(metadata));
      for await (const chunk of parquet as ReadableStream<Uint8Array>) {
        hash.update(chunk);
        bytes += chunk.length;
        await file.writeFile(chunk);
      }
    } finally {
      await file.close();
    }
  })();
  // Thrown by `end`; a fault before it stops the writing too.
  written.catch((error: unknown) => batches.abort(error)).catch(() => undefined);
  return {
    /** Writes the first `count` rows. */
    async write(rows: EventColumns, count: number): Promise<void> {
      for (const batch of Table.fromIPCStream(encodeIpc(rows, count, topic)).recordBatches())
        await batches.write(batch);
    },
    async end(): Promise<{ sha256: Buffer; bytes: number }> {
      await batches.close();
      await written;
      return { sha256: hash.digest(), bytes };
    },
    async abort(error: unknown): Promise<void> {
      await batches.abort(error).catch(() => undefined);
      await written.catch(() => undefined);
    },
  };
}
