/**
 * Named places at which a fault test can end or stop the process. `MARQUEE_FAILPOINTS` holds
 * `point:count[:signal]`, comma-separated: at the count-th passing the process sends itself the
 * signal (SIGKILL unless said otherwise). Without it every call is a look into an empty map.
 */
export const FAILPOINTS = [
  'fetched',
  'cas_done',
  'copy_half',
  'copy_sent',
  'before_commit',
  'after_commit',
  'before_publish',
  'before_kafka_commit',
  'after_kafka_commit',
  'revoking',
] as const;
/** And those of a run of the archive. */
const ARCHIVE_FAILPOINTS = [
  'archive_before_plan',
  'archive_before_upload',
  'archive_uploaded',
  'archive_verified',
  'archive_recorded',
  'archive_before_drop',
  'archive_hour_dropped',
  'archive_merge_written',
  'archive_merge_uploaded',
  'archive_merge_recorded',
] as const;
export type FailpointName = (typeof FAILPOINTS)[number] | (typeof ARCHIVE_FAILPOINTS)[number];
export type Failpoint = (name: FailpointName) => void;

export function createFailpoints(spec: string): Failpoint {
  const armed = new Map<string, { left: number; signal: NodeJS.Signals }>();
  for (const part of spec.split(',').filter((p) => p !== '')) {
    const [name = '', count = '1', signal = 'SIGKILL'] = part.split(':');
    const points: readonly string[] = [...FAILPOINTS, ...ARCHIVE_FAILPOINTS];
    if (!points.includes(name))
      throw new Error(`MARQUEE_FAILPOINTS: no point "${name}"; there are ${points.join(', ')}`);
    armed.set(name, { left: Number(count), signal: signal as NodeJS.Signals });
  }
  return (name) => {
    const point = armed.get(name);
    if (point === undefined || --point.left !== 0) return;
    process.kill(process.pid, point.signal);
    // SIGSTOP and SIGKILL reach the process before the next timer, but not before the next line.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  };
}
