/** Settings of the API; cli/config/serve-settings.ts says what each means. */
export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  readonly origins: readonly string[];
  readonly requestsPerSecond: number;
  readonly inFlightMax: number;
  readonly eventsInFlightMax: number;
  readonly eventsBufferedMax: number;
  readonly deliveryTimeoutMs: number;
  readonly drainTimeoutMs: number;
  readonly keysRefreshMs: number;
}

export const DEFAULT_API: ApiSettings = {
  host: '127.0.0.1',
  port: 28088,
  origins: [],
  requestsPerSecond: 1_000,
  inFlightMax: 512,
  eventsInFlightMax: 256,
  eventsBufferedMax: 20_000,
  deliveryTimeoutMs: 10_000,
  drainTimeoutMs: 10_000,
  keysRefreshMs: 2_000,
};
