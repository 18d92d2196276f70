CREATE OR REPLACE VIEW ctr AS
WITH answered AS (
  -- One row per movie of a serve that was answered, however often.
  SELECT f.request_id, f.movie_id,
         bool_or(f.action = 'impression') AS shown,
         bool_or(f.action = 'click') AS clicked,
         bool_or(f.action IN ('play', 'progress', 'complete')) AS played
    FROM recommendation_feedback AS f
    JOIN recommendation_logs AS l USING (request_id)
   WHERE f.movie_id = ANY (l.movie_ids)
   GROUP BY f.request_id, f.movie_id
), per_serve AS (
  SELECT request_id, count(*) FILTER (WHERE shown) AS shown,
         count(*) FILTER (WHERE clicked) AS clicked, count(*) FILTER (WHERE played) AS played
    FROM answered
   GROUP BY request_id
)
SELECT (l.served_at AT TIME ZONE 'UTC')::date AS day, l.source, l.algorithm,
       count(*) AS serves,
       sum(cardinality(l.movie_ids))::bigint AS items_served,
       coalesce(sum(a.shown), 0)::bigint AS items_shown,
       coalesce(sum(a.clicked), 0)::bigint AS items_clicked,
       coalesce(sum(a.played), 0)::bigint AS items_played,
       count(*) FILTER (WHERE a.clicked > 0) AS serves_clicked,
       round(coalesce(sum(a.clicked), 0) / nullif(sum(cardinality(l.movie_ids)), 0), 6) AS ctr,
       round(coalesce(sum(a.clicked), 0) / nullif(sum(a.shown), 0), 6) AS ctr_of_shown,
       round(count(*) FILTER (WHERE a.clicked > 0)::numeric / count(*), 6) AS serve_ctr,
       (SELECT applied_until('serve-logs', 'feedback')) AS as_of
  FROM recommendation_logs AS l
  LEFT JOIN per_serve AS a USING (request_id)
 GROUP BY 1, 2, 3;

SELECT inherit_comments('ctr', 'recommendation_logs');
COMMENT ON VIEW ctr IS 'Click-through by day of the serve (UTC), source and algorithm. An action counts for a serve when it carries the serve''s request_id and one of its movies; a movie clicked twice in a serve counts once. Today and yesterday still grow: answers come later than serves.';
COMMENT ON COLUMN ctr.day IS 'Day of the serve, UTC.';
COMMENT ON COLUMN ctr.serves IS 'Lists served.';
COMMENT ON COLUMN ctr.items_served IS 'Movies in those lists.';
COMMENT ON COLUMN ctr.items_shown IS 'Of them, those that an app reported as shown (impression).';
COMMENT ON COLUMN ctr.items_clicked IS 'Of them, those that were clicked.';
COMMENT ON COLUMN ctr.items_played IS 'Of them, those that were played (play, progress or complete).';
COMMENT ON COLUMN ctr.serves_clicked IS 'Lists of which at least one movie was clicked.';
COMMENT ON COLUMN ctr.ctr IS 'items_clicked / items_served.';
COMMENT ON COLUMN ctr.ctr_of_shown IS 'items_clicked / items_shown; null where no app reports impressions.';
COMMENT ON COLUMN ctr.serve_ctr IS 'serves_clicked / serves.';
COMMENT ON COLUMN ctr.as_of IS 'All serves and answers received up to this time are counted. Null while that is not known of every partition.';
