/**
 * Named places at which a fault test can end or stop the process. `MARQUEE_FAILPOINTS` holds
 * `point:count[:signal]`, comma-separated: at the count-th passing the process sends itself the
 * signal (SIGKILL unless said otherwise). Without it every call is a look into an empty map.
 * These are the runtime's; whoever has others adds them to what `createFailpoints` is given.
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
export type FailpointName = (typeof FAILPOINTS)[number];
export type Failpoint<N extends string = FailpointName> = (name: N) => void;

/** `names` are all that the program has, whichever of its processes passes them. */
export function createFailpoints<N extends string>(
  spec: string,
  names: readonly N[],
): Failpoint<N> {
  const armed = new Map<string, { left: number; signal: NodeJS.Signals }>();
  for (const part of spec.split(',').filter((p) => p !== '')) {
    const [name = '', count = '1', signal = 'SIGKILL'] = part.split(':');
    if (!names.some((known) => known === name))
      throw new Error(`MARQUEE_FAILPOINTS: no point "${name}"; there are ${names.join(', ')}`);
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
