import type { RecommendationServeSource } from '../../schemas/generated/types.ts';

/**
 * What the API asks of the rest of serving. Whatever comes from outside is parsed, bounded and known to
 * be allowed before it gets here; every answer is the body that is sent, already logged.
 */
export interface Recommender {
  recommend(query: ListQuery): Promise<Answer>;
  rows(query: RowsQuery): Promise<Answer>;
  rank(query: RankQuery): Promise<Answer>;
  session(query: SessionQuery): Promise<Answer>;
  similar(query: SimilarQuery): Promise<Answer>;
  popular(query: PopularQuery): Promise<Answer>;
  /** Null when no serve with that id is known. */
  explain(requestId: string): Promise<Explanation | null>;
}

export interface Answer {
  readonly body: AnswerBody;
  /** Which step gave the list. */
  readonly source: RecommendationServeSource;
}

export interface Explanation {
  /** JSON in UTF-8. */
  readonly body: Buffer;
}

/** JSON in UTF-8: its bytes, or a text with a character for each byte, which is sent without a copy. */
export type AnswerBody = Buffer | ByteText;

export interface ByteText {
  readonly latin1: string;
}

export type SeenPolicy = 'hide' | 'demote' | 'show';

/** Fields of a movie that an answer may carry beside its id. */
export type MovieField = 'title' | 'year' | 'genres';

/** What every question about lists may say. */
interface Question {
  /** performance.now() when the request came in: latency and time budgets count from here. */
  readonly startedAt: number;
  /** The app that asks, 1 to 64 characters: it goes to the serve log. */
  readonly app: string;
  /** Name of a surface of surfaces.yaml; null is its default. */
  readonly surface: string | null;
  /** 1 to 100; null is the surface's own. */
  readonly limit: number | null;
  readonly include: readonly MovieField[];
  readonly filter: Filter;
}

export interface Filter {
  /** At most 500. */
  readonly exclude: readonly number[];
  /** A movie has one of them; none means any. */
  readonly genres: readonly string[];
  readonly yearFrom: number | null;
  readonly yearTo: number | null;
}

export interface ListQuery extends Question {
  readonly userId: string;
  /** Null is the surface's policy. */
  readonly seen: SeenPolicy | null;
  /** The request whose next page is asked for. */
  readonly after: string | null;
  /** False: no profile is read, and nothing of the user decides what is answered. */
  readonly personalize: boolean;
}

export interface RowsQuery extends Question {
  readonly userId: string;
  readonly rows: number;
  readonly personalize: boolean;
}

export interface RankQuery extends Question {
  readonly userId: string;
  /** At most 500, each once. */
  readonly movieIds: readonly number[];
}

/** Somebody who isn't signed in: all that is known of them is in the request. */
export interface SessionQuery extends Question {
  readonly actions: readonly SessionAction[];
  readonly seen: SeenPolicy | null;
}

export interface SessionAction {
  readonly movieId: number;
  readonly action: string;
  readonly value: number | null;
  /** Epoch ms; null is now. */
  readonly at: number | null;
}

export interface SimilarQuery extends Question {
  readonly movieId: number;
  /** Of whom seen movies are left out; null leaves none out. */
  readonly userId: string | null;
}

export interface PopularQuery extends Question {
  readonly userId: string | null;
}
