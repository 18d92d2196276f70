-- The cold path's books: what a run means to copy, which offsets the archive holds, and which
-- objects are to be read. An object that is not listed here does not exist for any reader.
CREATE TABLE archive_runs (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  until       timestamptz NOT NULL,
  planned_at  timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz
);
-- One plan at a time: a run that was cut short is finished before another is made.
CREATE UNIQUE INDEX archive_runs_one_open ON archive_runs ((true)) WHERE finished_at IS NULL;
COMMENT ON TABLE archive_runs IS 'Runs of the archive. A run commits its plan first; a retry finishes that plan, so its boundaries never move.';
COMMENT ON COLUMN archive_runs.id IS 'Order in which they were planned.';
COMMENT ON COLUMN archive_runs.until IS 'Records that were received before this are copied.';
COMMENT ON COLUMN archive_runs.planned_at IS 'When the plan was committed.';
COMMENT ON COLUMN archive_runs.finished_at IS 'When all of it was copied, verified and recorded; null while it is not.';

CREATE TABLE archive_plans (
  run_id      bigint NOT NULL REFERENCES archive_runs,
  topic       text COLLATE "C" NOT NULL,
  partition   int NOT NULL CHECK (partition >= 0),
  from_offset bigint NOT NULL CHECK (from_offset >= 0),
  to_offset   bigint NOT NULL,
  PRIMARY KEY (run_id, topic, partition),
  CHECK (to_offset >= from_offset)
);
COMMENT ON TABLE archive_plans IS 'What a run copies: one half-open range of offsets per partition.';
COMMENT ON COLUMN archive_plans.run_id IS 'The run (archive_runs.id).';
COMMENT ON COLUMN archive_plans.topic IS 'Kafka topic.';
COMMENT ON COLUMN archive_plans.partition IS 'Partition of the topic.';
COMMENT ON COLUMN archive_plans.from_offset IS 'First offset that is copied.';
COMMENT ON COLUMN archive_plans.to_offset IS 'One past the last one.';

CREATE TABLE archive_ranges (
  topic       text COLLATE "C" NOT NULL,
  partition   int NOT NULL CHECK (partition >= 0),
  from_offset bigint NOT NULL CHECK (from_offset >= 0),
  to_offset   bigint NOT NULL,
  run_id      bigint REFERENCES archive_runs,
  rows        bigint NOT NULL,
  dead        bigint NOT NULL,
  skipped     bigint NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition, from_offset),
  CHECK (to_offset > from_offset)
);
COMMENT ON TABLE archive_ranges IS 'Which offsets the archive holds: half-open ranges that join, each verified in the store before it came here.';
COMMENT ON COLUMN archive_ranges.topic IS 'Kafka topic, or backfill:<hash> for history that never was in Kafka.';
COMMENT ON COLUMN archive_ranges.partition IS 'Partition of the topic.';
COMMENT ON COLUMN archive_ranges.from_offset IS 'First offset of the range.';
COMMENT ON COLUMN archive_ranges.to_offset IS 'One past its last offset.';
COMMENT ON COLUMN archive_ranges.run_id IS 'The run that copied it; null for a backfill.';
COMMENT ON COLUMN archive_ranges.rows IS 'Events of the range that are in files.';
COMMENT ON COLUMN archive_ranges.dead IS 'Records of the range that are no events: their bytes are in dead_letters.';
COMMENT ON COLUMN archive_ranges.skipped IS 'Records sent again for another processor alone.';
COMMENT ON COLUMN archive_ranges.recorded_at IS 'When it was recorded, by the clock of Postgres.';

CREATE TABLE archive_files (
  path        text COLLATE "C" PRIMARY KEY,
  topic       text COLLATE "C" NOT NULL,
  partition   int,
  from_offset bigint,
  to_offset   bigint,
  date        date NOT NULL,
  rows        bigint NOT NULL CHECK (rows > 0),
  id_sum      numeric(39, 0) NOT NULL,
  content_sum numeric(39, 0) NOT NULL,
  bytes       bigint NOT NULL,
  sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
  first_event_id uuid NOT NULL,
  last_event_id  uuid NOT NULL,
  duplicates_removed bigint NOT NULL DEFAULT 0,
  generation  int NOT NULL DEFAULT 0,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  replaced_at timestamptz,
  replaced_by text COLLATE "C" REFERENCES archive_files,
  CHECK ((replaced_at IS NULL) = (replaced_by IS NULL))
);
CREATE INDEX archive_files_by_date ON archive_files (date) WHERE replaced_at IS NULL;
COMMENT ON TABLE archive_files IS 'The manifest: the Parquet objects that hold archived events. Read those with replaced_at null; what is not listed does not exist. The view archive_manifest shows just these.';
COMMENT ON COLUMN archive_files.path IS 'Name of the object in the bucket.';
COMMENT ON COLUMN archive_files.topic IS 'Kafka topic of its events; * when merged from several sources.';
COMMENT ON COLUMN archive_files.partition IS 'Partition of its events; null when merged.';
COMMENT ON COLUMN archive_files.from_offset IS 'First offset of the range that it was cut from; null when merged.';
COMMENT ON COLUMN archive_files.to_offset IS 'One past that range; null when merged.';
COMMENT ON COLUMN archive_files.date IS 'UTC date of all its events, by the time in their ids.';
COMMENT ON COLUMN archive_files.rows IS 'Rows in the object.';
COMMENT ON COLUMN archive_files.id_sum IS 'Sum of the id hashes of its rows, as in stream_ledger.';
COMMENT ON COLUMN archive_files.content_sum IS 'Sum of the content hashes of its rows, as in stream_ledger.';
COMMENT ON COLUMN archive_files.bytes IS 'Size of the object.';
COMMENT ON COLUMN archive_files.sha256 IS 'SHA-256 of the object, as it was read back.';
COMMENT ON COLUMN archive_files.first_event_id IS 'Lowest event id in it.';
COMMENT ON COLUMN archive_files.last_event_id IS 'Highest event id in it.';
COMMENT ON COLUMN archive_files.duplicates_removed IS 'Resends that a merge left out of it.';
COMMENT ON COLUMN archive_files.generation IS '0 as copied; a merge has one more than the highest of what it merged.';
COMMENT ON COLUMN archive_files.recorded_at IS 'When it was recorded, by the clock of Postgres.';
COMMENT ON COLUMN archive_files.replaced_at IS 'When a merge took its place; the object goes after a grace time.';
COMMENT ON COLUMN archive_files.replaced_by IS 'The object that took its place.';

-- What of the ledger's accounts left the hot table: written in the transaction that drops an hour.
CREATE TABLE dropped_accounts (
  topic       text COLLATE "C" NOT NULL,
  partition   int NOT NULL,
  ledger_from bigint NOT NULL,
  hour        timestamptz NOT NULL,
  rows        bigint NOT NULL,
  id_sum      numeric(39, 0) NOT NULL,
  content_sum numeric(39, 0) NOT NULL,
  dropped_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (topic, partition, ledger_from, hour)
);
COMMENT ON TABLE dropped_accounts IS 'Rows that left rt_user_interactions because the archive holds them, by the ledger row of interactions that counted them. With the rows still there they make up that ledger row.';
COMMENT ON COLUMN dropped_accounts.topic IS 'Kafka topic.';
COMMENT ON COLUMN dropped_accounts.partition IS 'Partition of the topic.';
COMMENT ON COLUMN dropped_accounts.ledger_from IS 'from_offset of the row of stream_ledger (processor interactions).';
COMMENT ON COLUMN dropped_accounts.hour IS 'Hour partition (by the events'' own time) that was dropped.';
COMMENT ON COLUMN dropped_accounts.rows IS 'Rows dropped.';
COMMENT ON COLUMN dropped_accounts.id_sum IS 'Sum of their id hashes.';
COMMENT ON COLUMN dropped_accounts.content_sum IS 'Sum of their content hashes.';
COMMENT ON COLUMN dropped_accounts.dropped_at IS 'When.';

GRANT SELECT, INSERT, UPDATE ON archive_runs, archive_ranges, archive_files TO marquee_writer;
GRANT SELECT, INSERT ON archive_plans, dropped_accounts TO marquee_writer;
GRANT DELETE ON archive_files TO marquee_writer;

-- Drops an hour of rt_user_interactions whose every row the archive holds, and notes what left.
-- Refuses, with the reason, while the window still needs it, the archive does not cover it, its
-- files are younger than the grace time, or the rows are not those that were reconciled.
--   hour      start of the hour partition
--   accounts  per ledger row: partition, ledger_from, rows, id_sum, content_sum
--   grace     how long after its files were recorded
CREATE FUNCTION drop_archived_hour(hour timestamptz, partitions int[], ledger_froms bigint[],
  row_counts bigint[], id_sums numeric[], content_sums numeric[], grace interval)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  child regclass;
  ends timestamptz;
  found bigint;
  uncovered record;
BEGIN
  SELECT p.partition, p.ends_at INTO child, ends
    FROM partitions_of('rt_user_interactions'::regclass) AS p WHERE p.starts_at = hour;
  IF child IS NULL THEN RETURN; END IF;  -- gone already: an earlier try did it
  IF coalesce(ends > applied_until('interactions') - interval '48 hours', true) THEN
    RAISE EXCEPTION '% is still inside the window of 48 hours before %', child, applied_until('interactions')
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  -- Readers go on, and nobody writes. Who reads the whole table locks it before its hours: the order
  -- in which it is locked for the drop, below, or the two would wait for each other.
  EXECUTE format('LOCK TABLE %s IN SHARE MODE', child);
  FOR uncovered IN EXECUTE format(
    'SELECT h.kafka_partition, h.last, o.next_offset, r.recorded_at
       FROM (SELECT kafka_partition, max(kafka_offset) AS last FROM %s GROUP BY 1) AS h
       LEFT JOIN stream_offsets AS o ON o.processor = ''archive'' AND o.topic = ''user-actions.v1'' AND o.partition = h.kafka_partition
       LEFT JOIN archive_ranges AS r ON r.topic = ''user-actions.v1'' AND r.partition = h.kafka_partition
             AND r.from_offset <= h.last AND r.to_offset > h.last
      WHERE coalesce(o.next_offset, 0) <= h.last OR r.recorded_at IS NULL OR r.recorded_at > now() - $1', child) USING grace
  LOOP
    RAISE EXCEPTION '% holds offset % of partition %: the archive stands at %, its files are of %',
      child, uncovered.last, uncovered.kafka_partition, uncovered.next_offset, uncovered.recorded_at
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END LOOP;
  EXECUTE format('SELECT count(*) FROM %s', child) INTO found;
  IF found <> coalesce((SELECT sum(c) FROM unnest(row_counts) AS c), 0) THEN
    RAISE EXCEPTION '% holds % rows, % were reconciled', child, found, (SELECT sum(c) FROM unnest(row_counts) AS c)
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  INSERT INTO dropped_accounts (topic, partition, ledger_from, hour, rows, id_sum, content_sum)
  SELECT 'user-actions.v1', a.p, a.f, drop_archived_hour.hour, a.n, a.i, a.c
    FROM unnest(partitions, ledger_froms, row_counts, id_sums, content_sums) AS a(p, f, n, i, c);
  LOCK TABLE ONLY rt_user_interactions IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('DROP TABLE %s', child);
  INSERT INTO partition_floors VALUES ('rt_user_interactions', ends)
    ON CONFLICT ON CONSTRAINT partition_floors_pkey
    DO UPDATE SET floor = greatest(partition_floors.floor, excluded.floor);
END
$$;
COMMENT ON FUNCTION drop_archived_hour(timestamptz, int[], bigint[], bigint[], numeric[], numeric[], interval) IS 'Drops an hour of rt_user_interactions that the archive holds, verified, and notes in dropped_accounts what left. Refuses otherwise, with the reason.';
GRANT EXECUTE ON FUNCTION drop_archived_hour(timestamptz, int[], bigint[], bigint[], numeric[], numeric[], interval) TO marquee_writer;
