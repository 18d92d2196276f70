CREATE OR REPLACE VIEW user_recent_items AS
SELECT h.user_id, h.rank, h.movie_id, m.title, uuid_time(h.last_event_id) AS last_action_at,
       round(h.weight_milli / 1000.0, 3) AS weight, h.seen,
       round(h.rating_milli / 1000.0, 3) AS rating, h.opinion,
       h.in_list, round(h.watched_milli / 1000.0, 3) AS watched_share,
       (SELECT applied_until('profiles')) AS as_of
  FROM (SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY last_event_id DESC) AS rank
          FROM user_history) AS h
  LEFT JOIN movies AS m USING (movie_id)
 WHERE h.rank <= 20;

SELECT inherit_comments('user_recent_items', 'user_history', 'movies');
COMMENT ON VIEW user_recent_items IS 'The last 20 movies that each user did something with, latest first. Quick for one user, long for all.';
COMMENT ON COLUMN user_recent_items.rank IS '1 is the latest.';
COMMENT ON COLUMN user_recent_items.last_action_at IS 'When they last did something with it.';
COMMENT ON COLUMN user_recent_items.weight IS 'How much it says for the movie: user_history.weight_milli in units, without decay.';
COMMENT ON COLUMN user_recent_items.rating IS 'Their latest rating in stars, or null.';
COMMENT ON COLUMN user_recent_items.watched_share IS 'Largest share watched, 0 to 1.';
COMMENT ON COLUMN user_recent_items.as_of IS 'All that was received up to this time is here. Null while that is not known of every partition.';
