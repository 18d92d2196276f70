export const SCOPES = ['emit', 'read', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** A key as the API knows it: enough to recognise it, not enough to use it. */
export interface ApiKey {
  readonly keyId: string;
  readonly secretSha256: Buffer;
  readonly scopes: readonly Scope[];
  readonly app: string;
  /** The only user that it may read or emit for; null for any. */
  readonly userId: string | null;
  /** Null is the default of the API. */
  readonly requestsPerSecond: number | null;
  readonly createdAtMs: number;
  readonly withdrawnAtMs: number | null;
  readonly changedAtMs: number;
  readonly note: string;
}

/** An admin may do all that others may. */
export function allows(key: Pick<ApiKey, 'scopes'>, scope: Scope): boolean {
  return key.scopes.includes(scope) || key.scopes.includes('admin');
}
