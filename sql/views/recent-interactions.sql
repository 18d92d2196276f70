CREATE OR REPLACE VIEW recent_interactions AS
SELECT event_id, user_id, action, movie_id, value, occurred_at, received_at, session_id, request_id,
       position, device, app, app_version, properties,
       (SELECT applied_until('interactions')) AS as_of
  FROM rt_user_interactions
-- A sub-select, so that the bound is computed once and not for each row.
 WHERE event_id >= (SELECT lowest_uuid_at(now() - interval '48 hours'));

SELECT inherit_comments('recent_interactions', 'rt_user_interactions');
COMMENT ON VIEW recent_interactions IS 'The window: every action that happened in the last 48 hours before the statement''s transaction began, once each (and those up to five minutes ahead, from apps whose clock runs fast). Older hours are not read. Restrict it further by event_id >= lowest_uuid_at(time), which skips whole hours; occurred_at alone does not.';
COMMENT ON COLUMN recent_interactions.as_of IS 'All that was received up to this time is here. Null while that is not known of every partition.';
