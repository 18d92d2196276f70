/** What a user did to one movie, as `user_history` has it. */
export interface HistoryRow {
  readonly movieId: number;
  /** How much it says for the movie; 0 where it says nothing, or something against it. */
  readonly weight: number;
  /** Epoch ms of the last action. */
  readonly lastAt: number;
  /** Completed, rated, given an opinion, or watched past the share of the settings. */
  readonly seen: boolean;
}

/** A user as of one version of their profile. */
export interface UserState {
  readonly profileVersion: number;
  /** In the order of time. */
  readonly history: readonly HistoryRow[];
}

/** A user's rows in the order of time, the oldest first; ties by movie, as the batch stage has them. */
export function inOrder(rows: readonly HistoryRow[]): HistoryRow[] {
  return rows.toSorted((a, b) => a.lastAt - b.lastAt || a.movieId - b.movieId);
}
