import { Worker } from 'node:worker_threads';
import type { Transferable } from 'node:worker_threads';
import { buffersOf } from './columns.ts';
import type { EventColumns } from './columns.ts';
import type { FileWriter, WrittenFile } from './file-writer.ts';
import type { FileContents } from './inspect.ts';
import { sortedColumns } from './packed-rows.ts';
import type { PackedRows } from './packed-rows.ts';
import type { FileFacts } from './encode.ts';

/** Requests to the thread, and its answers; bytes are handed over, not copied. */
export type Request =
  | { readonly id: number; readonly packed: PackedRows; readonly facts: FileFacts }
  | { readonly id: number; readonly sorted: EventColumns; readonly facts: FileFacts }
  | { readonly id: number; readonly inspect: Uint8Array };
export type Answer =
  | {
      readonly id: number;
      readonly written: { readonly bytes: Uint8Array; readonly sha256: Uint8Array };
    }
  | { readonly id: number; readonly contents: FileContents }
  | { readonly id: number; readonly failed: Error };

/**
 * A thread of its own that writes and inspects files, one after the other, so that reading goes on
 * meanwhile on another core. Rows that would wait for it are sorted here: both cores have about as
 * much to do then. Started at once, since it loads for half a second; its memory goes with `close`.
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
      failAll(new Error('the thread that writes files of the archive ended'));
    });
    return started;
  }

  function ask(request: Request, hand: readonly Transferable[]): Promise<Answer> {
    if (closed) return Promise.reject(new Error('the thread that writes files is closed'));
    const answer = Promise.withResolvers<Answer>();
    waiting.set(request.id, answer);
    worker ??= start();
    worker.postMessage(request, hand);
    return answer.promise;
  }

  function writePacked(rows: PackedRows, facts: FileFacts): Promise<Answer> {
    return ask({ id: ++lastId, packed: plainRows(rows), facts }, memoryOf(rows));
  }

  function writeSorted(events: EventColumns, facts: FileFacts): Promise<Answer> {
    return ask({ id: ++lastId, sorted: plainColumns(events), facts }, buffersOf(events));
  }

  return {
    async write(rows, facts): Promise<WrittenFile> {
      const isIdle = waiting.size === 0;
      const answer = await (isIdle
        ? writePacked(rows, facts)
        : writeSorted(sortedColumns(rows), facts));
      if (!('written' in answer)) throw new Error('the thread gave another answer');
      const { bytes, sha256 } = answer.written;
      return { bytes: bufferOf(bytes), sha256: bufferOf(sha256) };
    },
    async inspect(file): Promise<FileContents> {
      // A small buffer may be a part of one that others use: it is copied then.
      const own = file.length === file.buffer.byteLength;
      const request = { id: ++lastId, inspect: own ? file : Uint8Array.from(file) };
      const answer = await ask(request, [request.inspect.buffer as ArrayBuffer]);
      if (!('contents' in answer)) throw new Error('the thread gave another answer');
      return answer.contents;
    },
    async close() {
      closed = true;
      await worker?.terminate();
    },
  };
}

/** Without what a message can't carry. */
function plainRows({ rows, chunks, starts }: PackedRows): PackedRows {
  return { rows, chunks, starts };
}

function plainColumns({ rows, columns, bytes }: EventColumns): EventColumns {
  return { rows, columns, bytes };
}

function memoryOf({ chunks, starts }: PackedRows): ArrayBuffer[] {
  return [starts, ...chunks].map(({ buffer }) => buffer as ArrayBuffer);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
