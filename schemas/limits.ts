/** Bounds of a text in UTF-16 code units, as String.length counts; ASCII has as many bytes. */
export interface TextLimit {
  /** 1 where it must not be empty. */
  readonly min: 0 | 1;
  readonly max: number;
}

const upTo = (max: number): TextLimit => ({ min: 0, max });
const filled = (max: number): TextLimit => ({ min: 1, max });

/** The text of a UserAction by field: for its validator, and for its generated plain reader. */
export const USER_ACTION_TEXT = {
  user_id: filled(256),
  session_id: upTo(256),
  device: upTo(64),
  app: filled(64),
  app_version: upTo(64),
};

export const RECOMMENDATION_SERVE_TEXT = {
  user_id: filled(256),
  algorithm: filled(64),
  model_version: upTo(64),
  surface: upTo(64),
  app: filled(64),
  surface_version: upTo(64),
  experiment: upTo(64),
  arm: upTo(64),
  /** Of each word. */
  reasons: upTo(64),
  steps: upTo(128),
};

export const RECOMMENDATION_SERVE_LISTS = { moviesMax: 1000, stepsMax: 16 };

export const MOVIE_TEXT = {
  title: filled(1024),
  imdb_id: upTo(64),
  /** Of each word. */
  genres: upTo(256),
  tags: upTo(256),
};

/** Properties of any record: how many, and how long. */
export const PROPERTIES = { entriesMax: 32, keyMax: 64, valueMax: 1024 };
