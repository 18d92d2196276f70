CREATE OR REPLACE VIEW processing_status AS
SELECT o.processor, o.topic, o.partitions, applied_until(o.processor) AS as_of,
       coalesce(l.ok, 0) AS ok, coalesce(l.duplicates, 0) AS duplicates,
       coalesce(l.too_late, 0) AS too_late, coalesce(l.skipped, 0) AS skipped,
       coalesce(l.dead, 0) AS dead
  FROM (SELECT processor, topic, count(*) AS partitions
          FROM stream_offsets GROUP BY processor, topic) AS o
  LEFT JOIN (SELECT processor, topic, sum(ok_count)::bigint AS ok,
                    sum(duplicate_count)::bigint AS duplicates,
                    sum(too_late_count)::bigint AS too_late, sum(skipped_count)::bigint AS skipped,
                    sum(dead_count)::bigint AS dead
               FROM stream_ledger GROUP BY processor, topic) AS l USING (processor, topic);

SELECT inherit_comments('processing_status', 'stream_offsets');
COMMENT ON VIEW processing_status IS 'One row per processor: how far its tables are, and what became of all records that it read. For lag behind Kafka: marquee lag.';
COMMENT ON COLUMN processing_status.partitions IS 'Partitions of the topic that it has taken.';
COMMENT ON COLUMN processing_status.as_of IS 'All that was received up to this time is in the tables: the time of the partition that is furthest back. Null while one of them is not known yet.';
COMMENT ON COLUMN processing_status.ok IS 'Records applied.';
COMMENT ON COLUMN processing_status.duplicates IS 'Records left out as resends.';
COMMENT ON COLUMN processing_status.too_late IS 'Records received beyond the late horizon.';
COMMENT ON COLUMN processing_status.skipped IS 'Records that the processor is not about.';
COMMENT ON COLUMN processing_status.dead IS 'Records dead-lettered.';
