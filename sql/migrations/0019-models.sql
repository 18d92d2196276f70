-- What the batch stage hands back. All that belongs to a model version is loaded and indexed beside
-- what is active, as a partition of its own; promotion and rollback change one row. So a reader
-- sees one version of item vectors, neighbours, user factors and lists, whole.

-- The vector type lives wherever the extension was put.
SELECT set_config('search_path', concat_ws(', ', quote_ident(current_schema()), n.nspname, 'pg_temp'), true)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = 'vector';

CREATE TABLE model_performance_logs (
  run_id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_version            text COLLATE "C" NOT NULL UNIQUE,
  status                   text COLLATE "C" NOT NULL DEFAULT 'running'
                           CHECK (status IN ('running', 'promoted', 'ready', 'rejected', 'failed')),
  reason                   text,
  started_at               timestamptz NOT NULL DEFAULT now(),
  finished_at              timestamptz,
  seed                     bigint NOT NULL,
  events                   bigint,
  pairs                    bigint,
  users                    bigint,
  movies                   bigint,
  judged_users             bigint,
  rmse                     double precision,
  mae                      double precision,
  ndcg_at_10               double precision,
  recall_at_10             double precision,
  hit_rate_at_10           double precision,
  recall_at_50             double precision,
  coverage_at_10           double precision,
  popularity_ndcg_at_10    double precision,
  popularity_recall_at_10  double precision,
  popularity_recall_at_50  double precision,
  popularity_coverage_at_10 double precision,
  index_recall_at_50       double precision,
  durations                jsonb NOT NULL DEFAULT '{}',
  details                  jsonb NOT NULL DEFAULT '{}',
  CHECK ((status = 'running') = (finished_at IS NULL))
);
COMMENT ON TABLE model_performance_logs IS 'Every run of the batch stage, also those that failed or were rejected. Ranking is judged on actions held out of training: the last fifth of each user''s.';
COMMENT ON COLUMN model_performance_logs.run_id IS 'Order in which they started.';
COMMENT ON COLUMN model_performance_logs.model_version IS 'The version that the run makes: UTC time of its start. Its files are in models/<algorithm>/<version>/.';
COMMENT ON COLUMN model_performance_logs.status IS 'running; promoted: serves since then; ready: loaded, to be promoted by hand; rejected by the gate; failed. A run that was killed stays running until the next one says that it failed.';
COMMENT ON COLUMN model_performance_logs.reason IS 'Why it was rejected or failed, or what is to be known of it; null when there is nothing to say.';
COMMENT ON COLUMN model_performance_logs.started_at IS 'When it started.';
COMMENT ON COLUMN model_performance_logs.finished_at IS 'When it ended; null while it runs.';
COMMENT ON COLUMN model_performance_logs.seed IS 'Seed of all that is random: the same input and seed give the same lists.';
COMMENT ON COLUMN model_performance_logs.events IS 'Events read, resends removed.';
COMMENT ON COLUMN model_performance_logs.pairs IS 'Pairs of a user and a movie that they did something with.';
COMMENT ON COLUMN model_performance_logs.users IS 'Users of these pairs.';
COMMENT ON COLUMN model_performance_logs.movies IS 'Movies of these pairs.';
COMMENT ON COLUMN model_performance_logs.judged_users IS 'Users with a held-out movie that they liked: ranking is the mean over them.';
COMMENT ON COLUMN model_performance_logs.rmse IS 'Root mean square error of predicted ratings on those held out, in stars; none is left out. Null without ratings.';
COMMENT ON COLUMN model_performance_logs.mae IS 'Mean absolute error of the same, in stars.';
COMMENT ON COLUMN model_performance_logs.ndcg_at_10 IS 'Normalised discounted cumulative gain of the first 10 of the list; null when nobody could be judged.';
COMMENT ON COLUMN model_performance_logs.recall_at_10 IS 'Share of what was liked that is in the first 10, of at most 10.';
COMMENT ON COLUMN model_performance_logs.hit_rate_at_10 IS 'Share of users with at least one hit in the first 10.';
COMMENT ON COLUMN model_performance_logs.recall_at_50 IS 'Share of what was liked that is in the first 50.';
COMMENT ON COLUMN model_performance_logs.coverage_at_10 IS 'Share of the movies that are in the first 10 of somebody judged.';
COMMENT ON COLUMN model_performance_logs.popularity_ndcg_at_10 IS 'ndcg_at_10 of the most popular movies for everybody, on the same cut.';
COMMENT ON COLUMN model_performance_logs.popularity_recall_at_10 IS 'recall_at_10 of the same.';
COMMENT ON COLUMN model_performance_logs.popularity_recall_at_50 IS 'recall_at_50 of the same.';
COMMENT ON COLUMN model_performance_logs.popularity_coverage_at_10 IS 'coverage_at_10 of the same.';
COMMENT ON COLUMN model_performance_logs.index_recall_at_50 IS 'Share of the exact nearest 50 movies that the vector index finds, mean over a sample of users.';
COMMENT ON COLUMN model_performance_logs.durations IS 'Seconds of each step.';
COMMENT ON COLUMN model_performance_logs.details IS 'Metrics of each algorithm, parameters, peak memory, and objects that were skipped.';

CREATE TABLE model_versions (
  model_version text COLLATE "C" PRIMARY KEY REFERENCES model_performance_logs (model_version),
  dimensions    int NOT NULL CHECK (dimensions > 0),
  settings      jsonb NOT NULL,
  loaded_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE model_versions IS 'Model versions that are loaded here, whole: each of them can be promoted in an instant.';
COMMENT ON COLUMN model_versions.model_version IS 'The version.';
COMMENT ON COLUMN model_versions.dimensions IS 'Length of its vectors.';
COMMENT ON COLUMN model_versions.settings IS 'Settings that it was trained with: weights of actions, hyperparameters.';
COMMENT ON COLUMN model_versions.loaded_at IS 'When it was loaded.';

CREATE TABLE active_model (
  only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  model_version text COLLATE "C" NOT NULL REFERENCES model_versions,
  since         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE active_model IS 'The pointer: which model version serves. No row before the first promotion.';
COMMENT ON COLUMN active_model.only_row IS 'Always true: there is one row at most.';
COMMENT ON COLUMN active_model.model_version IS 'The version that serves.';
COMMENT ON COLUMN active_model.since IS 'Since when.';

CREATE TABLE model_promotions (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_version    text COLLATE "C" NOT NULL,
  previous_version text COLLATE "C",
  reason           text NOT NULL,
  promoted_at      timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE model_promotions IS 'Each change of active_model, in order: which version served when.';
COMMENT ON COLUMN model_promotions.id IS 'Order of the changes.';
COMMENT ON COLUMN model_promotions.model_version IS 'The version that serves since then.';
COMMENT ON COLUMN model_promotions.previous_version IS 'The one that served before; null for the first.';
COMMENT ON COLUMN model_promotions.reason IS 'gate, by hand, or rollback.';
COMMENT ON COLUMN model_promotions.promoted_at IS 'When.';

-- A vector's length is the version's, so the index of each version is on a cast to that length.
CREATE TABLE movie_embeddings (
  model_version text COLLATE "C" NOT NULL,
  movie_id      bigint NOT NULL,
  source        text COLLATE "C" NOT NULL CHECK (source IN ('actions', 'metadata')),
  embedding     vector NOT NULL
) PARTITION BY LIST (model_version);
COMMENT ON TABLE movie_embeddings IS 'Item factors of each loaded model version, one partition a version. The view active_movies shows the active one.';
COMMENT ON COLUMN movie_embeddings.model_version IS 'The version.';
COMMENT ON COLUMN movie_embeddings.movie_id IS 'The movie.';
COMMENT ON COLUMN movie_embeddings.source IS 'actions: learnt from what users did. metadata: nobody has done anything with it yet; predicted from genres, tags and year in the same space.';
COMMENT ON COLUMN movie_embeddings.embedding IS 'Its factors; the inner product with a user''s says how well they fit.';

CREATE TABLE movie_neighbours (
  model_version text COLLATE "C" NOT NULL,
  movie_id      bigint NOT NULL,
  neighbour_id  bigint NOT NULL,
  weight        real NOT NULL
) PARTITION BY LIST (model_version);
COMMENT ON TABLE movie_neighbours IS 'The item-item model of each loaded version: what a user did to movie_id, times weight, speaks for neighbour_id.';
COMMENT ON COLUMN movie_neighbours.model_version IS 'The version.';
COMMENT ON COLUMN movie_neighbours.movie_id IS 'The movie that a user did something with.';
COMMENT ON COLUMN movie_neighbours.neighbour_id IS 'The movie that it speaks for.';
COMMENT ON COLUMN movie_neighbours.weight IS 'By how much; negative when it speaks against it.';

CREATE TABLE user_factors (
  model_version text COLLATE "C" NOT NULL,
  user_id       text COLLATE "C" NOT NULL,
  factors       vector NOT NULL
) PARTITION BY LIST (model_version);
COMMENT ON TABLE user_factors IS 'User factors of each loaded model version, as they were when it was trained.';
COMMENT ON COLUMN user_factors.model_version IS 'The version.';
COMMENT ON COLUMN user_factors.user_id IS 'The user.';
COMMENT ON COLUMN user_factors.factors IS 'Their factors, in the space of movie_embeddings.';

CREATE TABLE batch_recommendations (
  model_version text COLLATE "C" NOT NULL,
  user_id       text COLLATE "C" NOT NULL,
  generated_at  timestamptz NOT NULL,
  movie_id      bigint NOT NULL,
  rank          int NOT NULL CHECK (rank > 0),
  score         real NOT NULL
) PARTITION BY LIST (model_version);
COMMENT ON TABLE batch_recommendations IS 'The lists of each loaded model version: up to 50 movies a user, without those that the user has seen. The view active_recommendations shows the active one.';
COMMENT ON COLUMN batch_recommendations.model_version IS 'The version that made the list.';
COMMENT ON COLUMN batch_recommendations.user_id IS 'The user.';
COMMENT ON COLUMN batch_recommendations.generated_at IS 'When the list was made.';
COMMENT ON COLUMN batch_recommendations.movie_id IS 'The movie.';
COMMENT ON COLUMN batch_recommendations.rank IS 'Place in the list, from 1.';
COMMENT ON COLUMN batch_recommendations.score IS 'By which the list is ordered; comparable within one list only.';

GRANT SELECT, INSERT, UPDATE ON model_performance_logs TO marquee_writer;
GRANT SELECT ON model_versions, active_model, model_promotions, movie_embeddings, movie_neighbours,
  user_factors, batch_recommendations TO marquee_writer;

CREATE FUNCTION model_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY['movie_embeddings', 'movie_neighbours', 'user_factors', 'batch_recommendations']
$$;
COMMENT ON FUNCTION model_tables() IS 'The tables that have a partition for each loaded model version.';

-- Makes the tables of a version, empty and not yet partitions: nobody sees what is loaded into them.
-- What an earlier try left of them is dropped.
CREATE FUNCTION begin_model(version text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
  base text;
  child text;
BEGIN
  IF version !~ '^[0-9]{8}T[0-9]{6}Z$' THEN
    RAISE EXCEPTION 'begin_model: % is no model version', version USING ERRCODE = 'invalid_parameter_value';
  END IF;
  FOREACH base IN ARRAY model_tables() LOOP
    child := format('%I', base || '_' || lower(version));
    EXECUTE format('DROP TABLE IF EXISTS %s', child);
    EXECUTE format('CREATE TABLE %s (LIKE %I INCLUDING ALL, CHECK (model_version = %L))', child, base, version);
    EXECUTE format('COMMENT ON TABLE %s IS %L', child, format('%s of the model version %s.', base, version));
    EXECUTE format('GRANT SELECT, INSERT ON %s TO marquee_writer', child);
  END LOOP;
END
$$;
COMMENT ON FUNCTION begin_model(text) IS 'Makes the empty tables of a model version, beside what readers see.';

-- Indexes what was loaded and makes it partitions, all at once. What readers do goes on meanwhile.
CREATE FUNCTION finish_model(version text, dimensions int, settings jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
SET lock_timeout = '30s' SET statement_timeout = 0 SET maintenance_work_mem = '512MB' AS $$
DECLARE
  suffix text := '_' || lower(version);
  base text;
BEGIN
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (movie_id)', 'movie_embeddings' || suffix);
  EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (movie_id, neighbour_id)', 'movie_neighbours' || suffix);
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
COMMENT ON FUNCTION finish_model(text, int, jsonb) IS 'Indexes the loaded tables of a model version and makes them partitions, in one transaction.';

-- Flips the pointer to a loaded version. Returns the version that served before, or null.
CREATE FUNCTION promote_model(version text, reason text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
  previous text;
BEGIN
  -- One at a time; and the version cannot be dropped meanwhile.
  LOCK TABLE active_model IN SHARE ROW EXCLUSIVE MODE;
  SELECT model_version INTO previous FROM active_model;
  IF previous = version THEN RETURN previous; END IF;
  INSERT INTO active_model (model_version) VALUES (version)
    ON CONFLICT (only_row) DO UPDATE SET model_version = excluded.model_version, since = excluded.since;
  INSERT INTO model_promotions (model_version, previous_version, reason) VALUES (version, previous, reason);
  RETURN previous;
END
$$;
COMMENT ON FUNCTION promote_model(text, text) IS 'Makes a loaded model version the one that serves; returns the one that served before.';

-- Drops what is loaded of a version, or was being loaded. The active one is refused.
CREATE FUNCTION drop_model(version text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
  base text;
BEGIN
  LOCK TABLE active_model IN SHARE ROW EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM active_model WHERE model_version = version) THEN
    RAISE EXCEPTION 'model % serves: promote another first', version
      USING ERRCODE = 'object_in_use';
  END IF;
  DELETE FROM model_versions WHERE model_version = version;
  FOREACH base IN ARRAY model_tables() LOOP
    -- The order in which readers lock: the table, then its partition.
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', base);
    EXECUTE format('DROP TABLE IF EXISTS %I', base || '_' || lower(version));
  END LOOP;
END
$$;
COMMENT ON FUNCTION drop_model(text) IS 'Drops what is loaded of a model version; refused for the active one.';

-- Tables that a run left when it was cut short: no partitions, and of no loaded version.
CREATE FUNCTION stray_models() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT DISTINCT upper(right(c.relname, 16))
    FROM pg_class c, unnest(model_tables()) AS base
   WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
     AND c.relname ~ ('^' || base || '_[0-9]{8}t[0-9]{6}z$')
$$;
COMMENT ON FUNCTION stray_models() IS 'Model versions of which tables were left by a run that was cut short.';

GRANT EXECUTE ON FUNCTION model_tables(), begin_model(text), finish_model(text, int, jsonb),
  promote_model(text, text), drop_model(text), stray_models() TO marquee_writer;
