-- What an operator does when the log no longer holds what a processor has to read next, or is not
-- the log that it read: going on elsewhere is a decision, made by hand and written down for good.
CREATE TABLE offset_resets (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  processor   text COLLATE "C" NOT NULL,
  topic       text COLLATE "C" NOT NULL,
  partition   int NOT NULL,
  from_offset bigint NOT NULL,
  to_offset   bigint NOT NULL CHECK (to_offset >= 0),
  another_log boolean NOT NULL,
  log_start   bigint NOT NULL,
  log_end     bigint NOT NULL,
  as_of       timestamptz,
  note        text NOT NULL,
  made_at     timestamptz NOT NULL DEFAULT now(),
  CHECK (another_log OR to_offset > from_offset)
);
CREATE INDEX ON offset_resets (processor, topic, partition, id);
COMMENT ON TABLE offset_resets IS 'Each time that an operator moved a processor''s position by hand. The only gaps that the ledger may have.';
COMMENT ON COLUMN offset_resets.id IS 'Order in which they were made.';
COMMENT ON COLUMN offset_resets.processor IS 'Processor that was moved.';
COMMENT ON COLUMN offset_resets.topic IS 'Kafka topic.';
COMMENT ON COLUMN offset_resets.partition IS 'Partition of the topic.';
COMMENT ON COLUMN offset_resets.from_offset IS 'Where it stood: the first offset that it never applied.';
COMMENT ON COLUMN offset_resets.to_offset IS 'Where it goes on. In the same log the offsets from from_offset up to this one were never applied.';
COMMENT ON COLUMN offset_resets.another_log IS 'The topic was deleted and made again, so offsets before and after don''t compare. The ledger rows and dead letters of the log before are in retired_ledger and retired_dead_letters.';
COMMENT ON COLUMN offset_resets.log_start IS 'First offset that the log held then.';
COMMENT ON COLUMN offset_resets.log_end IS 'One past the last offset that it held.';
COMMENT ON COLUMN offset_resets.as_of IS 'Received time up to which the partition was applied before.';
COMMENT ON COLUMN offset_resets.note IS 'Who did it and why, as they said.';
COMMENT ON COLUMN offset_resets.made_at IS 'When.';

CREATE TABLE retired_ledger (LIKE stream_ledger INCLUDING COMMENTS, reset_id bigint NOT NULL);
ALTER TABLE retired_ledger ADD PRIMARY KEY (reset_id, from_offset);
COMMENT ON TABLE retired_ledger IS 'Rows of stream_ledger about a log that is gone: its topic was deleted and made again.';
COMMENT ON COLUMN retired_ledger.reset_id IS 'The reset that retired the row (offset_resets.id).';

CREATE TABLE retired_dead_letters (LIKE dead_letters INCLUDING COMMENTS, reset_id bigint NOT NULL);
ALTER TABLE retired_dead_letters ADD PRIMARY KEY (reset_id, kafka_offset);
COMMENT ON TABLE retired_dead_letters IS 'Rows of dead_letters whose record was in a log that is gone: its topic was deleted and made again.';
COMMENT ON COLUMN retired_dead_letters.reset_id IS 'The reset that retired the row (offset_resets.id).';

-- Moves a processor's position on one partition, and writes that down; returns the id of the note.
-- The position must be the one that the caller decided upon. The owner is fenced by the epoch.
CREATE FUNCTION reset_offset(
  processor_name text, topic_name text, partition_number int, stands_at bigint, goes_on_at bigint,
  is_another_log boolean, log_starts bigint, log_ends bigint, why text
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
  standing stream_offsets;
  reset bigint;
BEGIN
  SELECT * INTO standing FROM stream_offsets
   WHERE (processor, topic, partition) = (processor_name, topic_name, partition_number) FOR UPDATE;
  IF standing.next_offset IS DISTINCT FROM stands_at THEN
    RAISE EXCEPTION '% on %/% stands at %, not at % any more: look again', processor_name, topic_name,
      partition_number, coalesce(standing.next_offset::text, 'nothing'), stands_at
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  IF goes_on_at NOT BETWEEN log_starts AND log_ends OR NOT is_another_log AND goes_on_at <= stands_at THEN
    RAISE EXCEPTION 'cannot go on at % from %: the log holds [%, %), and in the same log a position only goes forward',
      goes_on_at, stands_at, log_starts, log_ends USING ERRCODE = 'invalid_parameter_value';
  END IF;

  INSERT INTO offset_resets (processor, topic, partition, from_offset, to_offset, another_log, log_start, log_end, as_of, note)
  VALUES (processor_name, topic_name, partition_number, stands_at, goes_on_at, is_another_log, log_starts, log_ends, standing.as_of, why)
  RETURNING id INTO reset;
  IF is_another_log THEN
    WITH gone AS (
      DELETE FROM stream_ledger WHERE (processor, topic, partition) = (processor_name, topic_name, partition_number) RETURNING *)
    INSERT INTO retired_ledger SELECT gone.*, reset FROM gone;
    WITH gone AS (
      DELETE FROM dead_letters WHERE (processor, topic, partition) = (processor_name, topic_name, partition_number) RETURNING *)
    INSERT INTO retired_dead_letters SELECT gone.*, reset FROM gone;
  END IF;
  UPDATE stream_offsets
     SET next_offset = goes_on_at, owner_epoch = owner_epoch + 1, owner = NULL, owner_pid = NULL,
         last_offset = NULL, last_identity = NULL, ledger_from = NULL, updated_at = now()
   WHERE (processor, topic, partition) = (processor_name, topic_name, partition_number);
  RETURN reset;
END
$$;
COMMENT ON FUNCTION reset_offset(text, text, int, bigint, bigint, boolean, bigint, bigint, text) IS 'Moves a processor''s position on a partition and records it in offset_resets: forward in the same log, anywhere in another log.';

GRANT SELECT ON offset_resets, retired_ledger, retired_dead_letters TO marquee_writer;
GRANT EXECUTE ON FUNCTION reset_offset(text, text, int, bigint, bigint, boolean, bigint, bigint, text) TO marquee_writer;
