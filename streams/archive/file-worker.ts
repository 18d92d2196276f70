/** The thread of file-thread.ts. */
import { parentPort } from 'node:worker_threads';
import { makeFile } from './file-maker.ts';
import type { Answer, Request } from './file-thread.ts';
import { inspectFile } from './inspect.ts';

parentPort?.on('message', (request: Request) => {
  const { id } = request;
  try {
    if ('make' in request) {
      const made = makeFile(request.make, request.facts);
      answer({ id, made }, [made.bytes.buffer as ArrayBuffer]);
    } else {
      const { buffer, byteOffset, byteLength } = request.inspect;
      answer({ id, found: inspectFile(Buffer.from(buffer, byteOffset, byteLength)) }, []);
    }
  } catch (error) {
    answer({ id, failed: error instanceof Error ? error : new Error(String(error)) }, []);
  }
});

function answer(message: Answer, hand: ArrayBuffer[]): void {
  parentPort?.postMessage(message, hand);
}
