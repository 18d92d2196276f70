/** The event's name first, then fields. Nothing is logged per record. */
export interface LogFields {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** What is needed of a logger; pino fits. */
export interface Log {
  debug(fields: LogFields): void;
  info(fields: LogFields): void;
  warn(fields: LogFields): void;
  error(fields: LogFields): void;
}
