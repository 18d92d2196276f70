-- Errors of players, in day partitions by the time in the id.
CREATE TABLE playback_errors (
  event_id        uuid PRIMARY KEY,
  occurred_at     timestamptz NOT NULL,
  received_at     timestamptz NOT NULL,
  movie_id        bigint NOT NULL,
  kafka_offset    bigint NOT NULL,
  kafka_partition int NOT NULL,
  bitrate         int,
  user_id         text COLLATE "C" NOT NULL,
  code            text COLLATE "C" NOT NULL,
  app             text COLLATE "C" NOT NULL
) PARTITION BY RANGE (event_id);
COMMENT ON TABLE playback_errors IS 'Every error that a player reported, once each.';
COMMENT ON COLUMN playback_errors.event_id IS 'UUIDv7 of occurred_at, made by the player.';
COMMENT ON COLUMN playback_errors.occurred_at IS 'When it happened, by the player''s clock.';
COMMENT ON COLUMN playback_errors.received_at IS 'When the broker first received it.';
COMMENT ON COLUMN playback_errors.movie_id IS 'The movie.';
COMMENT ON COLUMN playback_errors.kafka_offset IS 'Offset of its record on playback-errors.v1.';
COMMENT ON COLUMN playback_errors.kafka_partition IS 'Partition of its record on playback-errors.v1.';
COMMENT ON COLUMN playback_errors.bitrate IS 'Of the stream, in kbit/s; null before it began.';
COMMENT ON COLUMN playback_errors.user_id IS 'The user.';
COMMENT ON COLUMN playback_errors.code IS 'What failed.';
COMMENT ON COLUMN playback_errors.app IS 'The app.';

GRANT SELECT, INSERT ON playback_errors TO marquee_writer;
