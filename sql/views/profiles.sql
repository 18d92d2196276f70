CREATE OR REPLACE VIEW profiles AS
SELECT user_id, total_interactions, impressions, views, clicks, plays, progresses, completes, rates,
       likes, dislikes, list_adds, list_removes, shares, searches,
       round(rating_sum_milli / 1000.0 / nullif(rates, 0), 3) AS average_rating,
       uuid_time(first_event_id) AS first_action_at,
       uuid_time(last_event_id) AS last_action_at,
       profile_version, vector_model_version,
       (SELECT applied_until('profiles')) AS as_of
  FROM user_profiles;

SELECT inherit_comments('profiles', 'user_profiles');
COMMENT ON VIEW profiles IS 'One row per user: how often they did what, since when, and their average rating.';
COMMENT ON COLUMN profiles.average_rating IS 'Mean of all ratings given, in stars; null without one. A movie rated twice counts twice.';
COMMENT ON COLUMN profiles.first_action_at IS 'When they were first seen.';
COMMENT ON COLUMN profiles.last_action_at IS 'When they were last seen.';
COMMENT ON COLUMN profiles.as_of IS 'All that was received up to this time is here. Null while that is not known of every partition.';
