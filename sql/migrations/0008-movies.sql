-- The catalogue, from the compacted topic movies.v1: the record with the highest offset of a movie's
-- partition is the truth.
CREATE TABLE movies (
  movie_id        bigint PRIMARY KEY,
  tmdb_id         bigint,
  updated_at      timestamptz NOT NULL,
  received_at     timestamptz NOT NULL,
  withdrawn_at    timestamptz,
  kafka_offset    bigint NOT NULL,
  kafka_partition int NOT NULL,
  year            int,
  title           text NOT NULL,
  imdb_id         text COLLATE "C",
  genres          text[] NOT NULL,
  tags            text[] NOT NULL
);

COMMENT ON TABLE movies IS 'The catalogue. A withdrawn movie stays, so that history keeps its title.';
COMMENT ON COLUMN movies.movie_id IS 'The movie.';
COMMENT ON COLUMN movies.tmdb_id IS 'Its id at The Movie Database, or null.';
COMMENT ON COLUMN movies.updated_at IS 'When the catalogue last changed it, by the publisher.';
COMMENT ON COLUMN movies.received_at IS 'When the broker received that.';
COMMENT ON COLUMN movies.withdrawn_at IS 'When it was withdrawn (a tombstone was received); null while it may be recommended.';
COMMENT ON COLUMN movies.kafka_offset IS 'Offset of its latest record on movies.v1.';
COMMENT ON COLUMN movies.kafka_partition IS 'Partition of its latest record on movies.v1.';
COMMENT ON COLUMN movies.year IS 'Year of release, or null.';
COMMENT ON COLUMN movies.title IS 'Title, as the publisher writes it.';
COMMENT ON COLUMN movies.imdb_id IS 'Its id at IMDb, or null.';
COMMENT ON COLUMN movies.genres IS 'Genres, in the publisher''s order; {} when none.';
COMMENT ON COLUMN movies.tags IS 'Tags, in the publisher''s order; {} when none.';

GRANT SELECT, INSERT, UPDATE ON movies TO marquee_writer;
