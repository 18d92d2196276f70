-- Records that could not be applied, whole, with the reason. Written in the batch's transaction and
-- published to dead-letters.v1 from here.
CREATE TABLE dead_letters (
  processor         text COLLATE "C" NOT NULL,
  topic             text COLLATE "C" NOT NULL,
  partition         int NOT NULL CHECK (partition >= 0),
  kafka_offset      bigint NOT NULL CHECK (kafka_offset >= 0),
  reason            text COLLATE "C" NOT NULL,
  detail            text NOT NULL,
  received_at       timestamptz NOT NULL,
  first_received_at timestamptz NOT NULL,
  schema_id         int,
  app               text,
  replay_count      int NOT NULL DEFAULT 0 CHECK (replay_count >= 0),
  key               bytea,
  value             bytea,
  headers           jsonb NOT NULL DEFAULT '{}',
  published_at      timestamptz,
  redriven_at       timestamptz,
  redrive_count     int NOT NULL DEFAULT 0 CHECK (redrive_count >= 0),
  PRIMARY KEY (processor, topic, partition, kafka_offset)
);
-- Indexes go by the names that Postgres gives them, so that a replay's copy of a table has the same.
CREATE INDEX ON dead_letters (processor, received_at);
CREATE INDEX ON dead_letters (processor, topic, partition, kafka_offset) WHERE published_at IS NULL;

COMMENT ON TABLE dead_letters IS 'Records that a processor could not apply: bytes, headers, place and reason. One row per processor and record, however often the batch was tried.';
COMMENT ON COLUMN dead_letters.processor IS 'Processor that refused the record; a redrive aims at it alone.';
COMMENT ON COLUMN dead_letters.topic IS 'Kafka topic of the record.';
COMMENT ON COLUMN dead_letters.partition IS 'Partition of the record.';
COMMENT ON COLUMN dead_letters.kafka_offset IS 'Offset of the record.';
COMMENT ON COLUMN dead_letters.reason IS 'One word of the closed list in schemas/reasons.ts; docs/errors.md explains each.';
COMMENT ON COLUMN dead_letters.detail IS 'The place and the value at fault, in a sentence.';
COMMENT ON COLUMN dead_letters.received_at IS 'When the broker received this record.';
COMMENT ON COLUMN dead_letters.first_received_at IS 'When the broker received it first: differs from received_at for a redriven record.';
COMMENT ON COLUMN dead_letters.schema_id IS 'Registry id from the record''s first bytes, where it had them.';
COMMENT ON COLUMN dead_letters.app IS 'App that sent it, where that could be read.';
COMMENT ON COLUMN dead_letters.replay_count IS 'How often this record was redriven before it came here: the guard against loops.';
COMMENT ON COLUMN dead_letters.key IS 'Record key, as received.';
COMMENT ON COLUMN dead_letters.value IS 'Record value, as received; null when it was null.';
COMMENT ON COLUMN dead_letters.headers IS 'Record headers: an object of base64 strings.';
COMMENT ON COLUMN dead_letters.published_at IS 'When it was acknowledged on dead-letters.v1; null while that is due.';
COMMENT ON COLUMN dead_letters.redriven_at IS 'When it was last sent again by marquee dlq redrive; null when never.';
COMMENT ON COLUMN dead_letters.redrive_count IS 'How often this row was redriven.';

GRANT SELECT, INSERT, UPDATE ON dead_letters TO marquee_writer;
