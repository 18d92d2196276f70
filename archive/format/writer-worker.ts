/** The thread of thread.ts. */
import { parentPort } from 'node:worker_threads';
import { writeFile, writeSortedFile } from './file-writer.ts';
import type { Answer, Request } from './writer-thread.ts';
import { inspectFile } from './inspect.ts';

parentPort?.on('message', (request: Request) => {
  work(request).catch((error: unknown) => {
    const failed = error instanceof Error ? error : new Error(String(error));
    answer({ id: request.id, failed }, []);
  });
});

async function work(request: Request): Promise<void> {
  const { id } = request;
  if (!('inspect' in request)) {
    const { facts } = request;
    const made =
      'make' in request
        ? writeFile(request.make, facts)
        : writeSortedFile(request.makeSorted, facts);
    answer({ id, made }, [made.bytes.buffer as ArrayBuffer]);
    return;
  }
  const { buffer, byteOffset, byteLength } = request.inspect;
  answer({ id, found: await inspectFile(Buffer.from(buffer, byteOffset, byteLength)) }, []);
}

function answer(message: Answer, hand: ArrayBuffer[]): void {
  parentPort?.postMessage(message, hand);
}
