CREATE OR REPLACE VIEW feedback AS
SELECT event_id, request_id, user_id, movie_id, action, value, position, occurred_at, received_at,
       app, occurred_at - uuid_time(request_id) AS after_serve,
       (SELECT applied_until('feedback')) AS as_of
  FROM recommendation_feedback;

SELECT inherit_comments('feedback', 'recommendation_feedback');
COMMENT ON VIEW feedback IS 'Every action that answers a recommendation. Join it with serves on request_id. Restrict it by event_id >= lowest_uuid_at(time), which skips whole days.';
COMMENT ON COLUMN feedback.after_serve IS 'Time from the serve to the action.';
COMMENT ON COLUMN feedback.as_of IS 'All that was received up to this time is here. Null while that is not known of every partition.';
