CREATE OR REPLACE VIEW ledger_breaks AS
WITH joined AS (
  SELECT l.processor, l.topic, l.partition, l.from_offset, l.to_offset,
         lead(l.from_offset, 1, o.next_offset)
           OVER (PARTITION BY l.processor, l.topic, l.partition ORDER BY l.from_offset) AS expected
    FROM stream_ledger AS l
    LEFT JOIN stream_offsets AS o USING (processor, topic, partition)
)
SELECT processor, topic, partition, from_offset, to_offset, expected AS next_from
  FROM joined
 WHERE to_offset IS DISTINCT FROM expected
   -- What an operator skipped is recorded; resets before the last change of log are of other offsets.
   AND (expected IS NULL OR expected - to_offset IS DISTINCT FROM (
     SELECT sum(r.to_offset - r.from_offset) FROM offset_resets r
      WHERE (r.processor, r.topic, r.partition) = (joined.processor, joined.topic, joined.partition)
        AND NOT r.another_log AND r.from_offset >= joined.to_offset AND r.to_offset <= joined.expected
        AND r.id > coalesce((SELECT max(a.id) FROM offset_resets a
          WHERE (a.processor, a.topic, a.partition) = (joined.processor, joined.topic, joined.partition)
            AND a.another_log), 0)));

SELECT inherit_comments('ledger_breaks', 'stream_ledger');
COMMENT ON VIEW ledger_breaks IS 'Where the ledger''s ranges fail to join, or don''t end where the processor stands. What an operator skipped by marquee offsets reset is recorded in offset_resets and not shown. Always empty; a row is a bug or a change by hand.';
COMMENT ON COLUMN ledger_breaks.next_from IS 'Where the next range begins (or the processor stands): more than to_offset is a gap, less an overlap, null a partition without an offset.';
