/** What the API needs of a logger; pino fits. No field ever names a user. */
export interface ApiLog {
  debug(fields: ApiLogFields): void;
  info(fields: ApiLogFields): void;
  warn(fields: ApiLogFields): void;
  error(fields: ApiLogFields): void;
}

export interface ApiLogFields {
  readonly event: string;
  readonly [field: string]: unknown;
}
