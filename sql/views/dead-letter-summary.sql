CREATE OR REPLACE VIEW dead_letter_summary AS
SELECT processor, topic, reason, app, count(*) AS records,
       min(received_at) AS first_received_at, max(received_at) AS last_received_at,
       count(*) FILTER (WHERE redriven_at IS NOT NULL) AS redriven,
       count(*) FILTER (WHERE published_at IS NULL) AS unpublished,
       (array_agg(detail ORDER BY received_at DESC, kafka_offset DESC))[1] AS latest_detail,
       (SELECT applied_until(d.processor)) AS as_of
  FROM dead_letters AS d
 GROUP BY processor, topic, reason, app;

SELECT inherit_comments('dead_letter_summary', 'dead_letters');
COMMENT ON VIEW dead_letter_summary IS 'How many records each processor refused, why, and from which app. marquee dlq ls and show give the records themselves.';
COMMENT ON COLUMN dead_letter_summary.records IS 'Records refused.';
COMMENT ON COLUMN dead_letter_summary.first_received_at IS 'When the broker received the first of them.';
COMMENT ON COLUMN dead_letter_summary.last_received_at IS 'When the broker received the last of them.';
COMMENT ON COLUMN dead_letter_summary.redriven IS 'Of them, those that were sent again.';
COMMENT ON COLUMN dead_letter_summary.unpublished IS 'Of them, those not yet on dead-letters.v1.';
COMMENT ON COLUMN dead_letter_summary.latest_detail IS 'The last one''s detail.';
COMMENT ON COLUMN dead_letter_summary.as_of IS 'All that the processor received up to this time is counted. Null while that is not known of every partition.';
