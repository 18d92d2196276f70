CREATE OR REPLACE VIEW active_next AS
SELECT n.movie_id, m.title, n.next_id, o.title AS next_title, n.weight, n.model_version
  FROM active_model AS a
  JOIN movie_next AS n USING (model_version)
  LEFT JOIN movies AS m ON m.movie_id = n.movie_id
  LEFT JOIN movies AS o ON o.movie_id = n.next_id;

SELECT inherit_comments('active_next', 'movie_next', 'movies');
COMMENT ON VIEW active_next IS 'What comes next in the model that serves now, with titles: which movies users came to after which.';
COMMENT ON COLUMN active_next.next_title IS 'Title of next_id.';
