CREATE OR REPLACE VIEW active_movies AS
SELECT m.movie_id, m.title, m.year, m.genres, m.tags, m.withdrawn_at,
       e.embedding, e.source AS embedding_source, a.model_version
  FROM movies AS m
  LEFT JOIN active_model AS a ON true
  LEFT JOIN movie_embeddings AS e ON e.model_version = a.model_version AND e.movie_id = m.movie_id;

SELECT inherit_comments('active_movies', 'movies', 'movie_embeddings');
COMMENT ON VIEW active_movies IS 'The catalogue with each movie''s vector of the active model.';
COMMENT ON COLUMN active_movies.embedding IS 'Its factors in the active model; null when that does not know the movie.';
COMMENT ON COLUMN active_movies.embedding_source IS 'actions: learnt from what users did; metadata: predicted from genres, tags and year.';
COMMENT ON COLUMN active_movies.model_version IS 'The active model; null before the first promotion.';
