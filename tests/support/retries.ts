import type { RunningProcess } from './processes.ts';

/** Tries again that a process has counted so far, by error code. */
export async function retriesOf(process: RunningProcess): Promise<ReadonlyMap<string, number>> {
  const { text } = await process.http('/metrics');
  const found = new Map<string, number>();
  for (const [, code = '', count] of text.matchAll(
    /^marquee_retries_total\{.*code="([^"]+)".*\} (\d+)$/gm,
  ))
    found.set(code, (found.get(code) ?? 0) + Number(count));
  return found;
}

export async function retriesIn(process: RunningProcess): Promise<number> {
  let sum = 0;
  for (const count of (await retriesOf(process)).values()) sum += count;
  return sum;
}
