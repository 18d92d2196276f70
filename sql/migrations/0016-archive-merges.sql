-- Merging small files, letting old ones expire, and removing objects that nobody reads.
ALTER TABLE archive_files
  ADD COLUMN archived_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN removed_id_sum numeric(39, 0) NOT NULL DEFAULT 0,
  ADD COLUMN removed_content_sum numeric(39, 0) NOT NULL DEFAULT 0;
UPDATE archive_files SET archived_at = recorded_at;
COMMENT ON COLUMN archive_files.archived_at IS 'When the last of its events was archived; retention counts from here. A merge keeps the latest of what it merged.';
COMMENT ON COLUMN archive_files.removed_id_sum IS 'Sum of the id hashes of the resends that merges left out.';
COMMENT ON COLUMN archive_files.removed_content_sum IS 'Sum of their content hashes.';

CREATE TABLE archive_merges (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic      text COLLATE "C" NOT NULL,
  date       date NOT NULL,
  inputs     text[] COLLATE "C" NOT NULL CHECK (cardinality(inputs) > 1),
  planned_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE archive_merges IS 'Merges that are under way: committed before anything is written, finished by whoever comes next, gone when done. The id is in the name of the object, so that no two merges write the same one.';
COMMENT ON COLUMN archive_merges.id IS 'Number of the merge.';
COMMENT ON COLUMN archive_merges.topic IS 'Source of the events.';
COMMENT ON COLUMN archive_merges.date IS 'UTC date of the events.';
COMMENT ON COLUMN archive_merges.inputs IS 'Objects that are merged (archive_files.path).';
COMMENT ON COLUMN archive_merges.planned_at IS 'When it was committed.';

CREATE TABLE archive_expired (
  path        text COLLATE "C" PRIMARY KEY,
  topic       text COLLATE "C" NOT NULL,
  date        date NOT NULL,
  rows        bigint NOT NULL,
  id_sum      numeric(39, 0) NOT NULL,
  content_sum numeric(39, 0) NOT NULL,
  bytes       bigint NOT NULL,
  taken_back  boolean NOT NULL,
  expired_at  timestamptz NOT NULL DEFAULT now(),
  removed_at  timestamptz
);
COMMENT ON TABLE archive_expired IS 'Files that left the archive: by age, or because a backfill was taken back. With those still listed they make up what was archived.';
COMMENT ON COLUMN archive_expired.path IS 'Name of the object in the bucket.';
COMMENT ON COLUMN archive_expired.topic IS 'Source of its events.';
COMMENT ON COLUMN archive_expired.date IS 'UTC date of its events.';
COMMENT ON COLUMN archive_expired.rows IS 'Events that it stood for: its rows, and the resends that merges left out of it.';
COMMENT ON COLUMN archive_expired.id_sum IS 'Sum of their id hashes.';
COMMENT ON COLUMN archive_expired.content_sum IS 'Sum of their content hashes.';
COMMENT ON COLUMN archive_expired.bytes IS 'Size of the object.';
COMMENT ON COLUMN archive_expired.taken_back IS 'A backfill that was removed by name: its ranges went with it, so it counts in no account.';
COMMENT ON COLUMN archive_expired.expired_at IS 'When it left the manifest.';
COMMENT ON COLUMN archive_expired.removed_at IS 'When the object was removed from the store; null during the grace time.';

GRANT SELECT, INSERT, DELETE ON archive_merges TO marquee_writer;
GRANT SELECT, INSERT, UPDATE ON archive_expired TO marquee_writer;
GRANT DELETE ON archive_ranges TO marquee_writer;
