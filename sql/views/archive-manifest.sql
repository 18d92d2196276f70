CREATE OR REPLACE VIEW archive_manifest AS
SELECT path, topic, partition, from_offset, to_offset, date, rows, bytes, sha256,
       first_event_id, last_event_id, generation, recorded_at
  FROM archive_files
 WHERE replaced_at IS NULL;

SELECT inherit_comments('archive_manifest', 'archive_files');
COMMENT ON VIEW archive_manifest IS 'The objects to read for archived events. Take them first, with the archive''s offsets (stream_offsets, processor archive), then the hot rows at or above those offsets: so each event is seen, and none twice but resends, which event_id tells.';
