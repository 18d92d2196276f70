CREATE OR REPLACE VIEW serves AS
SELECT request_id, user_id, served_at, received_at, source, algorithm, model_version, surface,
       movie_ids, scores, cardinality(movie_ids) AS items, latency_ms, app, properties,
       (SELECT applied_until('serve-logs')) AS as_of,
       -- Last, so that views which others built on this one stay.
       surface_version, experiment, arm, after_request_id, first_position, reasons, propensities, steps
  FROM recommendation_logs;

SELECT inherit_comments('serves', 'recommendation_logs');
COMMENT ON VIEW serves IS 'Every list of recommendations that was served. Restrict it by request_id >= lowest_uuid_at(time), which skips whole days.';
COMMENT ON COLUMN serves.items IS 'Movies in the list.';
COMMENT ON COLUMN serves.as_of IS 'All that was received up to this time is here. Null while that is not known of every partition.';
