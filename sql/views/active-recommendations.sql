CREATE OR REPLACE VIEW active_recommendations AS
SELECT r.user_id, r.rank, r.movie_id, m.title, r.score, r.model_version, r.generated_at
  FROM active_model AS a
  JOIN batch_recommendations AS r USING (model_version)
  LEFT JOIN movies AS m USING (movie_id);

SELECT inherit_comments('active_recommendations', 'batch_recommendations', 'movies');
COMMENT ON VIEW active_recommendations IS 'The batch lists that serve now: up to 50 movies a user.';
