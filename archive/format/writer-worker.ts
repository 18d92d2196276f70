/** The thread of writer-thread.ts. */
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
    const written =
      'packed' in request
        ? writeFile(request.packed, facts)
        : writeSortedFile(request.sorted, facts);
    answer({ id, written }, [written.bytes.buffer as ArrayBuffer]);
    return;
  }
  const { buffer, byteOffset, byteLength } = request.inspect;
  const contents = await inspectFile(Buffer.from(buffer, byteOffset, byteLength));
  answer({ id, contents }, []);
}

function answer(message: Answer, hand: ArrayBuffer[]): void {
  parentPort?.postMessage(message, hand);
}
