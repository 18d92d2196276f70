/** What is told of one processor to who asks whether it is ready. */
export interface RunnerStatus {
  readonly processor: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly position: number;
    readonly logEnd: number;
    readonly state: 'live' | 'halted' | 'gone';
  }[];
  /** The fault that is being retried, if any. */
  readonly retrying: string | null;
  readonly ready: boolean;
}
