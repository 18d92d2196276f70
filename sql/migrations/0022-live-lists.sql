-- What live lists are made of beside the neighbours, and what a run says of them. A version that was
-- loaded before this has no rows here: `counts` in its settings is missing.

-- The vector type lives wherever the extension was put.
SELECT set_config('search_path', concat_ws(', ', quote_ident(current_schema()), n.nspname, 'pg_temp'), true)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = 'vector';

CREATE TABLE movie_next (
  model_version text COLLATE "C" NOT NULL,
  movie_id      bigint NOT NULL,
  next_id       bigint NOT NULL,
  weight        real NOT NULL
) PARTITION BY LIST (model_version);
COMMENT ON TABLE movie_next IS 'What comes next, of each loaded model version: how much users who did something with movie_id did something with next_id soon after. The view active_next shows the active one.';
COMMENT ON COLUMN movie_next.model_version IS 'The version.';
COMMENT ON COLUMN movie_next.movie_id IS 'The movie that a user did something with.';
COMMENT ON COLUMN movie_next.next_id IS 'A movie that users came to after it.';
COMMENT ON COLUMN movie_next.weight IS 'T / ((n + 3)^0.9 (m + 3)^0.1), n and m the users of movie_id and next_id; T the sum over users of 0.5^((gap - 1) / 10) exp(-days between / 7), gap the places from one to the other in the user''s sequence, 1 to 80. The numbers are [next] of the settings; the 100 largest a movie are kept.';

CREATE TABLE movie_popularity (
  model_version text COLLATE "C" NOT NULL,
  movie_id      bigint NOT NULL,
  likes         int NOT NULL CHECK (likes >= 0)
) PARTITION BY LIST (model_version);
COMMENT ON TABLE movie_popularity IS 'Every movie that each loaded model version ranks, and how popular it is.';
COMMENT ON COLUMN movie_popularity.model_version IS 'The version.';
COMMENT ON COLUMN movie_popularity.movie_id IS 'The movie.';
COMMENT ON COLUMN movie_popularity.likes IS 'Users of whom the version learnt something that speaks for the movie; 0 where nobody liked it.';

GRANT SELECT ON movie_next, movie_popularity TO marquee_writer;

CREATE OR REPLACE FUNCTION model_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY['movie_embeddings', 'movie_neighbours', 'movie_next', 'movie_popularity',
               'user_factors', 'batch_recommendations']
$$;

-- As before, with the keys of the new tables.
CREATE OR REPLACE FUNCTION finish_model(version text, dimensions int, settings jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET lock_timeout = '30s' SET maintenance_work_mem = '512MB' AS $$
DECLARE
  suffix text := '_' || lower(version);
  base text;
BEGIN
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (movie_id)', 'movie_embeddings' || suffix);
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (movie_id, neighbour_id)', 'movie_neighbours' || suffix);
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (movie_id, next_id)', 'movie_next' || suffix);
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (movie_id)', 'movie_popularity' || suffix);
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (user_id)', 'user_factors' || suffix);
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (user_id, rank)', 'batch_recommendations' || suffix);
  EXECUTE format('CREATE INDEX ON %I USING hnsw ((embedding::vector(%s)) vector_ip_ops)',
    'movie_embeddings' || suffix, dimensions);
  FOREACH base IN ARRAY model_tables() LOOP
    EXECUTE format('ANALYZE %I', base || suffix);
    EXECUTE format('REVOKE INSERT ON %I FROM marquee_writer', base || suffix);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES IN (%L)', base, base || suffix, version);
  END LOOP;
  INSERT INTO model_versions (model_version, dimensions, settings) VALUES (version, dimensions, settings);
END
$$;

COMMENT ON COLUMN model_versions.settings IS 'Settings that it was trained with: weights of actions, hyperparameters. Beside them counts: rows by table, so that a reader can tell that it loaded all; and live: kind (item_item, blend, popularity) and popularity_share, what lists are ranked by; item_deviation and popularity_deviation, the units of the two in a blend; cut_ms, epoch ms of the newest action that it was trained on.';

ALTER TABLE model_performance_logs
  ADD COLUMN kind                        text COLLATE "C",
  ADD COLUMN popularity_share            double precision,
  ADD COLUMN live_ndcg_at_10             double precision,
  ADD COLUMN visit_users                 bigint,
  ADD COLUMN visit_ndcg_at_10            double precision,
  ADD COLUMN visit_unordered_ndcg_at_10  double precision,
  ADD COLUMN visit_popularity_ndcg_at_10 double precision,
  ADD COLUMN pause_users                 bigint,
  ADD COLUMN pause_ndcg_at_10            double precision,
  ADD COLUMN pause_unordered_ndcg_at_10  double precision,
  ADD COLUMN pause_popularity_ndcg_at_10 double precision,
  ADD COLUMN gini_at_10                  double precision,
  ADD COLUMN head_share_at_10            double precision,
  ADD COLUMN popularity_lift_at_10       double precision,
  ADD COLUMN novelty_at_10               double precision,
  ADD COLUMN diversity_at_10             double precision,
  ADD COLUMN miscalibration_at_10        double precision,
  ADD COLUMN top_1_share                 double precision;
COMMENT ON COLUMN model_performance_logs.kind IS 'What the lists are ranked by: item_item, as the settings say; blend, of item-item and popularity; or popularity alone, where data is thin, nobody can be judged or the gate refuses the rest. The metrics are those of these lists. Null of a run that had not chosen yet.';
COMMENT ON COLUMN model_performance_logs.popularity_share IS 'Share of popularity in a blend: xB / sd(xB) + share x likes / sd(likes), one deviation each over all users and movies.';
COMMENT ON COLUMN model_performance_logs.live_ndcg_at_10 IS 'ndcg_at_10 of what serves live, on the same cut: neighbours on the whole history with the newest actions boosted, and what comes next, as of the first held-out action. The gate wants it no worse than popularity.';
COMMENT ON COLUMN model_performance_logs.visit_users IS 'Places within a visit that were judged: in the held-out part, less than an hour after the last action, one a user (the middle one) where something of the next 20 actions was liked.';
COMMENT ON COLUMN model_performance_logs.visit_ndcg_at_10 IS 'NDCG@10 of live lists there, from all actions up to the place by models that saw none held out, against what was liked of the next 20 actions.';
COMMENT ON COLUMN model_performance_logs.visit_unordered_ndcg_at_10 IS 'The same without order: neighbours on the same actions, none boosted, without what comes next.';
COMMENT ON COLUMN model_performance_logs.visit_popularity_ndcg_at_10 IS 'The same of the most popular movies.';
COMMENT ON COLUMN model_performance_logs.pause_users IS 'Places back after an hour that were judged: as visit_users, but an hour or more after the last action.';
COMMENT ON COLUMN model_performance_logs.pause_ndcg_at_10 IS 'As visit_ndcg_at_10, back after an hour.';
COMMENT ON COLUMN model_performance_logs.pause_unordered_ndcg_at_10 IS 'As visit_unordered_ndcg_at_10, back after an hour.';
COMMENT ON COLUMN model_performance_logs.pause_popularity_ndcg_at_10 IS 'As visit_popularity_ndcg_at_10, back after an hour.';
COMMENT ON COLUMN model_performance_logs.gini_at_10 IS 'How unequally the movies share the first 10 places of all judged lists: sum over the M movies, ascending by their places c_i, of (2 i - M - 1) c_i / (M sum c); 0 when all have as many, near 1 when few have all.';
COMMENT ON COLUMN model_performance_logs.head_share_at_10 IS 'Share of these places taken by the head: the fewest movies, most users first, that hold half of all pairs of user and movie in training.';
COMMENT ON COLUMN model_performance_logs.popularity_lift_at_10 IS 'Mean over judged users of (mean users of the first 10 movies) / (mean users of the movies of their history); users of a movie counted in training.';
COMMENT ON COLUMN model_performance_logs.novelty_at_10 IS 'Mean over judged users of the mean of -log2(users of the movie / users) over their first 10, in bits; users counted in training, none as one.';
COMMENT ON COLUMN model_performance_logs.diversity_at_10 IS 'Mean over judged users of the mean over pairs of their first 10 movies of 1 - |common genres| / |genres of either|; movies without genres are left out.';
COMMENT ON COLUMN model_performance_logs.miscalibration_at_10 IS 'Mean over judged users of KL(p || 0.99 q + 0.01 p), natural logarithm (Steck, Calibrated Recommendations, RecSys 2018): p the genres of what they liked in training, q those of their first 10; a movie counts 1, split evenly among its genres.';
COMMENT ON COLUMN model_performance_logs.top_1_share IS 'Share of judged lists that begin with one and the same movie, the one that begins most.';
