import { MarqueeError } from '../../common/error.ts';

/** A list as the API answers it. */
export interface ApiList {
  readonly request_id: string;
  readonly source: string;
  readonly algorithm: string;
  readonly profile_version: number;
  readonly items: readonly {
    readonly movie_id: number;
    readonly position: number;
    readonly title?: string;
    readonly genres?: readonly string[];
    readonly reason: { readonly kind: string; readonly movie_id?: number };
  }[];
}

export interface ApiClient {
  /** Throws MARQUEE_DEMO_API for an answer other than 200. */
  list(userId: string, query?: string): Promise<ApiList>;
}

const TIMEOUT_MS = 5_000;

export function createApiClient(url: string, key: string): ApiClient {
  return {
    async list(userId, query = '') {
      const response = await fetch(
        `${url}/v1/users/${encodeURIComponent(userId)}/recommendations${query}`,
        {
          headers: { authorization: `Bearer ${key}` },
          signal: AbortSignal.timeout(TIMEOUT_MS),
        },
      );
      const body = await response.text();
      if (response.status === 200) return JSON.parse(body) as ApiList;
      throw new MarqueeError(
        'MARQUEE_DEMO_API',
        `the API answers ${response.status}: ${body.slice(0, 200)}`,
      );
    },
  };
}
