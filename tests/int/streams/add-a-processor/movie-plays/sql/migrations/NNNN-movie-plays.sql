-- How often each movie was played. Sums, so a table of ids beside them tells resends apart.
CREATE TABLE movie_plays_event_ids (
  event_id uuid PRIMARY KEY
) PARTITION BY RANGE (event_id);
COMMENT ON TABLE movie_plays_event_ids IS 'Ids of the events that movie_plays counts, so that a resend counts once. Hour partitions.';
COMMENT ON COLUMN movie_plays_event_ids.event_id IS 'UUIDv7 of the event.';

CREATE TABLE movie_plays (
  movie_id  bigint NOT NULL,
  day       date NOT NULL,
  plays     bigint NOT NULL,
  completes bigint NOT NULL,
  PRIMARY KEY (movie_id, day)
) WITH (fillfactor = 70);
COMMENT ON TABLE movie_plays IS 'One row per movie and day on which it was played.';
COMMENT ON COLUMN movie_plays.movie_id IS 'The movie.';
COMMENT ON COLUMN movie_plays.day IS 'Day (UTC) on which it happened, by the app''s clock.';
COMMENT ON COLUMN movie_plays.plays IS 'Plays started.';
COMMENT ON COLUMN movie_plays.completes IS 'Times watched to the end.';

INSERT INTO retained_tables VALUES ('movie_plays_event_ids', 'movie-plays');
GRANT SELECT, INSERT ON movie_plays_event_ids TO marquee_writer;
GRANT SELECT, INSERT, UPDATE ON movie_plays TO marquee_writer;
