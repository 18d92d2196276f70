CREATE OR REPLACE VIEW active_neighbours AS
SELECT n.movie_id, m.title, n.neighbour_id, o.title AS neighbour_title, n.weight, n.model_version
  FROM active_model AS a
  JOIN movie_neighbours AS n USING (model_version)
  LEFT JOIN movies AS m ON m.movie_id = n.movie_id
  LEFT JOIN movies AS o ON o.movie_id = n.neighbour_id;

SELECT inherit_comments('active_neighbours', 'movie_neighbours', 'movies');
COMMENT ON VIEW active_neighbours IS 'The item-item model that serves now, with titles: which movies speak for which.';
COMMENT ON COLUMN active_neighbours.neighbour_title IS 'Title of neighbour_id.';
