import type { Movie } from '../../schemas/generated/types.ts';
import type { AnyAction, ServeFields } from '../../sdk/src/index.ts';
import type { LiveWindow } from './live/live-window.ts';

/** A call of the producer. */
export type ImportEvent =
  | { readonly kind: 'action'; readonly action: AnyAction }
  | { readonly kind: 'serve'; readonly serve: ServeFields };

/** An import that is read, checked and decided on, and of which nothing has been sent yet. */
export interface ImportSource {
  readonly name: string;
  /** The app that its events come from. */
  readonly app: string;
  /** Stands in the properties of its events. */
  readonly importId: string;
  readonly movies: readonly Movie[];
  /** User actions that `events` yields. */
  readonly actions: number;
  /** Everybody whom the events may be about. */
  readonly users: readonly string[];
  /** The span of the events when they are sent as live traffic. */
  readonly window: LiveWindow | null;
  /** True when the same events were sent before, at least in part. */
  readonly again: boolean;
  /** Told to the user before anything is sent. */
  readonly notes: readonly string[];
  events(): Iterable<ImportEvent>;
  /** Remembers that sending begins, so that the same import can be sent again. */
  begin(): void;
  /** Remembers that everything was acknowledged. */
  finish(): void;
}
