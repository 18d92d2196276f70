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

CREATE OR REPLACE VIEW active_recommendations AS
SELECT r.user_id, r.rank, r.movie_id, m.title, r.score, r.model_version, r.generated_at
  FROM active_model AS a
  JOIN batch_recommendations AS r USING (model_version)
  LEFT JOIN movies AS m USING (movie_id);

SELECT inherit_comments('active_recommendations', 'batch_recommendations', 'movies');
COMMENT ON VIEW active_recommendations IS 'The batch lists that serve now: up to 50 movies a user.';

CREATE OR REPLACE VIEW active_neighbours AS
SELECT n.movie_id, m.title, n.neighbour_id, o.title AS neighbour_title, n.weight, n.model_version
  FROM active_model AS a
  JOIN movie_neighbours AS n USING (model_version)
  LEFT JOIN movies AS m ON m.movie_id = n.movie_id
  LEFT JOIN movies AS o ON o.movie_id = n.neighbour_id;

SELECT inherit_comments('active_neighbours', 'movie_neighbours', 'movies');
COMMENT ON VIEW active_neighbours IS 'The item-item model that serves now, with titles: which movies speak for which.';
COMMENT ON COLUMN active_neighbours.neighbour_title IS 'Title of neighbour_id.';
