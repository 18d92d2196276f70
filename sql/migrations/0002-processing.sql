-- Where each processor stands. A batch moves the offset, adds to the ledger and writes its rows in
-- one transaction, so these tables are true of the data at any moment.
CREATE TABLE stream_offsets (
  processor     text COLLATE "C" NOT NULL,
  topic         text COLLATE "C" NOT NULL,
  partition     int NOT NULL CHECK (partition >= 0),
  next_offset   bigint NOT NULL CHECK (next_offset >= 0),
  owner_epoch   bigint NOT NULL DEFAULT 0,
  owner         text,
  owner_pid     int,
  last_offset   bigint,
  last_identity bytea CHECK (octet_length(last_identity) = 16),
  ledger_from   bigint,
  as_of         timestamptz,
  updated_at    timestamptz,
  PRIMARY KEY (processor, topic, partition),
  CHECK ((last_offset IS NULL) = (last_identity IS NULL)),
  CHECK (last_offset < next_offset)
) WITH (fillfactor = 50);  -- a row changes with each batch: room for the next version on its page

COMMENT ON TABLE stream_offsets IS 'One row per processor and topic partition: how far it is applied, and who owns it. The only truth about progress; Kafka''s group offsets are a copy for lag tools.';
COMMENT ON COLUMN stream_offsets.processor IS 'Processor: interactions, profiles, feedback, serve-logs, movies.';
COMMENT ON COLUMN stream_offsets.topic IS 'Kafka topic that it reads.';
COMMENT ON COLUMN stream_offsets.partition IS 'Partition of the topic.';
COMMENT ON COLUMN stream_offsets.next_offset IS 'First offset not yet applied. Passes gaps (transaction markers, compaction); never goes back.';
COMMENT ON COLUMN stream_offsets.owner_epoch IS 'Raised by each new owner. A batch of an older epoch is refused.';
COMMENT ON COLUMN stream_offsets.owner IS 'The process that took the partition last, for people.';
COMMENT ON COLUMN stream_offsets.owner_pid IS 'Postgres backend of the owner''s connection, so that a successor can end a stopped one.';
COMMENT ON COLUMN stream_offsets.last_offset IS 'Offset of the last record applied; null before the first.';
COMMENT ON COLUMN stream_offsets.last_identity IS '16-byte hash of the record at last_offset. Another record there means that the topic was deleted and made again.';
COMMENT ON COLUMN stream_offsets.ledger_from IS 'from_offset of the ledger row that batches still add to.';
COMMENT ON COLUMN stream_offsets.as_of IS 'All that the broker received up to this time is applied, for this partition: the received time of the last record, moved on while the processor stands at the log''s end. Null until the first of either.';
COMMENT ON COLUMN stream_offsets.updated_at IS 'When the row last changed, by the clock of Postgres. For people; nothing is computed from it.';

CREATE TABLE stream_ledger (
  processor   text COLLATE "C" NOT NULL,
  topic       text COLLATE "C" NOT NULL,
  partition   int NOT NULL CHECK (partition >= 0),
  from_offset bigint NOT NULL CHECK (from_offset >= 0),
  to_offset   bigint NOT NULL,
  hour        timestamptz NOT NULL,
  ok_count              bigint NOT NULL DEFAULT 0,
  ok_id_sum             numeric(39, 0) NOT NULL DEFAULT 0,
  ok_content_sum        numeric(39, 0) NOT NULL DEFAULT 0,
  duplicate_count       bigint NOT NULL DEFAULT 0,
  duplicate_id_sum      numeric(39, 0) NOT NULL DEFAULT 0,
  duplicate_content_sum numeric(39, 0) NOT NULL DEFAULT 0,
  too_late_count        bigint NOT NULL DEFAULT 0,
  too_late_id_sum       numeric(39, 0) NOT NULL DEFAULT 0,
  too_late_content_sum  numeric(39, 0) NOT NULL DEFAULT 0,
  skipped_count         bigint NOT NULL DEFAULT 0,
  skipped_id_sum        numeric(39, 0) NOT NULL DEFAULT 0,
  skipped_content_sum   numeric(39, 0) NOT NULL DEFAULT 0,
  dead_count            bigint NOT NULL DEFAULT 0,
  dead_id_sum           numeric(39, 0) NOT NULL DEFAULT 0,
  dead_content_sum      numeric(39, 0) NOT NULL DEFAULT 0,
  PRIMARY KEY (processor, topic, partition, from_offset),
  CHECK (to_offset > from_offset)
) WITH (fillfactor = 50);

COMMENT ON TABLE stream_ledger IS 'What became of every record: half-open ranges of offsets that join without gap or overlap, and per outcome the count and two sums. Sums are modulo 2^128 of 128-bit hashes, so any set of rows can be held against them in any order.';
COMMENT ON COLUMN stream_ledger.processor IS 'Processor that read the range.';
COMMENT ON COLUMN stream_ledger.topic IS 'Kafka topic.';
COMMENT ON COLUMN stream_ledger.partition IS 'Partition of the topic.';
COMMENT ON COLUMN stream_ledger.from_offset IS 'First offset of the range.';
COMMENT ON COLUMN stream_ledger.to_offset IS 'One past its last offset; the from_offset of the next row.';
COMMENT ON COLUMN stream_ledger.hour IS 'Hour (UTC) in which the range''s records were received.';
DO $$
DECLARE
  outcome text[];
BEGIN
  FOREACH outcome SLICE 1 IN ARRAY ARRAY[
    ['ok', 'applied to the tables'],
    ['duplicate', 'left out as a resend of an event applied before'],
    ['too_late', 'received more than the late horizon (24 h) after they happened: kept for the archive only'],
    ['skipped', 'good, but nothing that this processor is about'],
    ['dead', 'dead-lettered']
  ] LOOP
    EXECUTE format('COMMENT ON COLUMN stream_ledger.%I IS %L', outcome[1] || '_count', 'Records ' || outcome[2] || '.');
    EXECUTE format('COMMENT ON COLUMN stream_ledger.%I IS %L', outcome[1] || '_id_sum', 'Sum of the id hashes of records ' || outcome[2] || '.');
    EXECUTE format('COMMENT ON COLUMN stream_ledger.%I IS %L', outcome[1] || '_content_sum', 'Sum of the content hashes of records ' || outcome[2] || '.');
  END LOOP;
END
$$;

GRANT SELECT, INSERT, UPDATE ON stream_offsets, stream_ledger TO marquee_writer;
