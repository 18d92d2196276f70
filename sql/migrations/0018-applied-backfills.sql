-- History that was backfilled into the archive is in no log. A rebuild brings it into the tables that
-- add up all events, and says so here, in the transaction that puts them in the place of the live ones.
CREATE TABLE applied_backfills (
  processor  text COLLATE "C" NOT NULL,
  topic      text COLLATE "C" NOT NULL,
  events     bigint NOT NULL CHECK (events >= 0),
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (processor, topic)
);
COMMENT ON TABLE applied_backfills IS 'Backfilled history that the tables of a processor hold. No log can give it again, so these tables are made anew by `marquee rebuild` and not by `marquee replay`.';
COMMENT ON COLUMN applied_backfills.processor IS 'Processor whose tables hold it.';
COMMENT ON COLUMN applied_backfills.topic IS 'The backfill, as in archive_ranges.topic.';
COMMENT ON COLUMN applied_backfills.events IS 'Events of it that were applied.';
COMMENT ON COLUMN applied_backfills.applied_at IS 'When the rebuild that brought it took the place of the live tables.';

GRANT SELECT, INSERT, DELETE ON applied_backfills TO marquee_writer;
