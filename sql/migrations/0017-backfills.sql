-- History from outside Kafka: which files were brought into the archive, and how they are cut.
-- A backfill is planned before anything of it is written, so whoever finishes it cuts it alike.
CREATE TABLE archive_backfills (
  topic       text COLLATE "C" PRIMARY KEY CHECK (topic ~ '^backfill:[0-9a-f]{16}$'),
  source      text NOT NULL,
  sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
  rows_max    bigint NOT NULL CHECK (rows_max > 0),
  bytes_max   bigint NOT NULL CHECK (bytes_max > 0),
  planned_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  places      bigint CHECK (places >= 0),
  first_date  date,
  last_date   date,
  CHECK ((finished_at IS NULL) = (places IS NULL))
);
COMMENT ON TABLE archive_backfills IS 'History that `marquee backfill` brought into the archive: a row a file, with its ranges in archive_ranges and its objects in archive_files under the same topic.';
COMMENT ON COLUMN archive_backfills.topic IS 'backfill: and the first 16 hex digits of sha256. No topic of Kafka.';
COMMENT ON COLUMN archive_backfills.source IS 'Name of the file or folder, for people.';
COMMENT ON COLUMN archive_backfills.sha256 IS 'SHA-256 of the file''s bytes; of a MovieLens folder that of the text <SHA-256 of movies.csv>/<SHA-256 of ratings.csv>, in hex.';
COMMENT ON COLUMN archive_backfills.rows_max IS 'Places of one range at most, as they were when it was planned.';
COMMENT ON COLUMN archive_backfills.bytes_max IS 'Bytes of the lines of one range at most.';
COMMENT ON COLUMN archive_backfills.planned_at IS 'When it began, by the clock of Postgres. What happened later than this is no history.';
COMMENT ON COLUMN archive_backfills.finished_at IS 'When all of it was verified and recorded; null while it is not.';
COMMENT ON COLUMN archive_backfills.places IS 'One past its last place: its ranges join from 0 to here. Null until it is finished.';
COMMENT ON COLUMN archive_backfills.first_date IS 'UTC date of its first event; null until it is finished, and where no line could be used.';
COMMENT ON COLUMN archive_backfills.last_date IS 'UTC date of its last event.';
COMMENT ON COLUMN archive_ranges.dead IS 'Records of the range that are no events: their bytes are in dead_letters. Of a backfill, the lines that it listed and left out.';

GRANT SELECT, INSERT, UPDATE, DELETE ON archive_backfills TO marquee_writer;
