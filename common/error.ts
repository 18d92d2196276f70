/**
 * The one error type of Marquee. `code` is stable and documented in docs/errors.md; `retriable`
 * decides retries (never the message text). The message names the place, the value and the remedy.
 */
export class MarqueeError extends Error {
  readonly code: string;
  readonly retriable: boolean;
  /** The field at fault, when the error is about one. */
  readonly field: string | undefined;

  constructor(
    code: string,
    message: string,
    options: { cause?: unknown; retriable?: boolean; field?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MarqueeError';
    this.code = code;
    this.retriable = options.retriable ?? false;
    this.field = options.field;
  }
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
