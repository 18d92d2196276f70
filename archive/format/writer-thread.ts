import { Worker } from 'node:worker_threads';
import type { Transferable } from 'node:worker_threads';
import { buffersOf } from './columns.ts';
import type { EventColumns } from './columns.ts';
import type { FileWriter, WrittenFile } from './file-writer.ts';
import type { FileContents } from './inspect.ts';
import { sortedColumns } from './packed-rows.ts';
import type { PackedRows } from './packed-rows.ts';
import type { FileFacts } from './parquet.ts';

/** What is asked of the thread, and its answers; bytes are handed over, not copied. */
export type Request =
  | { readonly id: number; readonly make: PackedRows; readonly facts: FileFacts }
  | { readonly id: number; readonly makeSorted: EventColumns; readonly facts: FileFacts }
  | { readonly id: number; readonly inspect: Uint8Array };
export type Answer =
  | {
      readonly id: number;
      readonly made: { readonly bytes: Uint8Array; readonly sha256: Uint8Array };
    }
  | { readonly id: number; readonly found: FileContents }
  | { readonly id: number; readonly failed: Error };

/**
 * A thread of its own that makes and inspects files, one after the other, so that reading goes on
 * meanwhile on another core. Who waits for it sorts meanwhile: both cores have about as much to do then.
 * Started at once, since it loads for half a second; what it took of memory goes with `close`.
 */
export function createWriterThread(): FileWriter {
  let worker: Worker | undefined = start();
  let lastId = 0;
  let closed = false;
  const waiting = new Map<number, PromiseWithResolvers<Answer>>();

  function failAll(error: Error): void {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  }

  function start(): Worker {
    const started = new Worker(new URL('./writer-worker.ts', import.meta.url));
    started.on('message', (answer: Answer) => {
      const asker = waiting.get(answer.id);
      waiting.delete(answer.id);
      if ('failed' in answer) asker?.reject(answer.failed);
      else asker?.resolve(answer);
    });
    started.on('error', failAll);
    started.on('exit', () => {
      worker = undefined;
      failAll(new Error('the thread that makes files of the archive ended'));
    });
    return started;
  }

  function ask(request: Request, hand: readonly Transferable[]): Promise<Answer> {
    if (closed) return Promise.reject(new Error('the thread that makes files is closed'));
    const answer = Promise.withResolvers<Answer>();
    waiting.set(request.id, answer);
    worker ??= start();
    worker.postMessage(request, hand);
    return answer.promise;
  }

  function askSorted(sorted: EventColumns, facts: FileFacts): Promise<Answer> {
    const { rows, columns, bytes } = sorted;
    const makeSorted = { rows, columns, bytes };
    return ask({ id: ++lastId, makeSorted, facts }, buffersOf(sorted));
  }

  return {
    async write(packed, facts): Promise<WrittenFile> {
      const answer = await (waiting.size === 0
        ? ask({ id: ++lastId, make: plain(packed), facts }, chunksOf(packed))
        : askSorted(sortedColumns(packed), facts));
      if (!('made' in answer)) throw new Error('the thread gave another answer');
      return { bytes: bufferOf(answer.made.bytes), sha256: bufferOf(answer.made.sha256) };
    },
    async inspect(file): Promise<FileContents> {
      // A small buffer may be a part of one that others use: it is copied then.
      const own = file.length === file.buffer.byteLength;
      const request = { id: ++lastId, inspect: own ? file : Uint8Array.from(file) };
      const answer = await ask(request, [request.inspect.buffer as ArrayBuffer]);
      if (!('found' in answer)) throw new Error('the thread gave another answer');
      return answer.found;
    },
    async close() {
      closed = true;
      await worker?.terminate();
    },
  };
}

/** Without what a message can't carry. */
function plain({ rows, chunks, starts }: PackedRows): PackedRows {
  return { rows, chunks, starts };
}

function chunksOf({ chunks, starts }: PackedRows): ArrayBuffer[] {
  return [starts, ...chunks].map(({ buffer }) => buffer as ArrayBuffer);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
