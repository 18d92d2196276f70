-- What is known about each user, kept up to date event by event. All counters are integers, so the
-- order in which events arrive and how batches are cut leave no trace.

-- The vector type lives wherever the extension was put.
SELECT set_config('search_path', concat_ws(', ', quote_ident(current_schema()), n.nspname, 'pg_temp'), true)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = 'vector';

CREATE TABLE profiles_event_ids (
  event_id uuid PRIMARY KEY
) PARTITION BY RANGE (event_id);
COMMENT ON TABLE profiles_event_ids IS 'Ids of the events that user_profiles holds, so that a resend counts once. Hour partitions, dropped when no resend can come any more.';
COMMENT ON COLUMN profiles_event_ids.event_id IS 'UUIDv7 of the event.';

CREATE TABLE user_profiles (
  user_id              text COLLATE "C" PRIMARY KEY,
  total_interactions   bigint NOT NULL DEFAULT 0,
  impressions          bigint NOT NULL DEFAULT 0,
  views                bigint NOT NULL DEFAULT 0,
  clicks               bigint NOT NULL DEFAULT 0,
  plays                bigint NOT NULL DEFAULT 0,
  progresses           bigint NOT NULL DEFAULT 0,
  completes            bigint NOT NULL DEFAULT 0,
  rates                bigint NOT NULL DEFAULT 0,
  likes                bigint NOT NULL DEFAULT 0,
  dislikes             bigint NOT NULL DEFAULT 0,
  list_adds            bigint NOT NULL DEFAULT 0,
  list_removes         bigint NOT NULL DEFAULT 0,
  shares               bigint NOT NULL DEFAULT 0,
  searches             bigint NOT NULL DEFAULT 0,
  rating_sum_milli     bigint NOT NULL DEFAULT 0,
  profile_version      bigint NOT NULL DEFAULT 0,
  first_event_id       uuid NOT NULL,
  last_event_id        uuid NOT NULL,
  preference_vector    vector,
  vector_model_version text COLLATE "C",
  CHECK ((preference_vector IS NULL) = (vector_model_version IS NULL))
) WITH (fillfactor = 70);

COMMENT ON TABLE user_profiles IS 'One row per user: counters of all they ever did here, and the vector of their taste. The view profiles shows it with times and averages.';
COMMENT ON COLUMN user_profiles.user_id IS 'The user, as the app names them.';
COMMENT ON COLUMN user_profiles.total_interactions IS 'All actions: the sum of the thirteen counters.';
COMMENT ON COLUMN user_profiles.impressions IS 'Movies shown to them.';
COMMENT ON COLUMN user_profiles.views IS 'Pages of movies opened.';
COMMENT ON COLUMN user_profiles.clicks IS 'Clicks.';
COMMENT ON COLUMN user_profiles.plays IS 'Plays started.';
COMMENT ON COLUMN user_profiles.progresses IS 'Progress reports while watching.';
COMMENT ON COLUMN user_profiles.completes IS 'Movies watched to the end.';
COMMENT ON COLUMN user_profiles.rates IS 'Ratings given, each time counted.';
COMMENT ON COLUMN user_profiles.likes IS 'Likes.';
COMMENT ON COLUMN user_profiles.dislikes IS 'Dislikes.';
COMMENT ON COLUMN user_profiles.list_adds IS 'Movies put on their list.';
COMMENT ON COLUMN user_profiles.list_removes IS 'Movies taken off their list.';
COMMENT ON COLUMN user_profiles.shares IS 'Movies shared with others.';
COMMENT ON COLUMN user_profiles.searches IS 'Searches.';
COMMENT ON COLUMN user_profiles.rating_sum_milli IS 'Sum of all ratings given, in thousandths of a star.';
COMMENT ON COLUMN user_profiles.profile_version IS 'Events applied to this profile; grows with each change.';
COMMENT ON COLUMN user_profiles.first_event_id IS 'Lowest event id: uuid_time of it is when they were first seen.';
COMMENT ON COLUMN user_profiles.last_event_id IS 'Highest event id: uuid_time of it is when they were last seen.';
COMMENT ON COLUMN user_profiles.preference_vector IS 'Their taste on the factors of a model; null until a model exists. Derived: left out when tables are compared.';
COMMENT ON COLUMN user_profiles.vector_model_version IS 'Model that preference_vector belongs to.';

-- Virtual columns cost a write nothing and can be changed without rewriting the table.
CREATE TABLE user_history (
  user_id          text COLLATE "C" NOT NULL,
  movie_id         bigint NOT NULL,
  last_event_id    uuid NOT NULL,
  rating_event_id  uuid,
  opinion_event_id uuid,
  list_event_id    uuid,
  clicks           int NOT NULL DEFAULT 0 CHECK (clicks >= 0),
  views            int NOT NULL DEFAULT 0 CHECK (views >= 0),
  plays            int NOT NULL DEFAULT 0 CHECK (plays >= 0),
  completes        int NOT NULL DEFAULT 0 CHECK (completes >= 0),
  shares           int NOT NULL DEFAULT 0 CHECK (shares >= 0),
  watched_milli    int NOT NULL DEFAULT 0 CHECK (watched_milli BETWEEN 0 AND 1000),
  rating_milli     int CHECK (rating_milli BETWEEN 500 AND 5000),
  opinion          smallint NOT NULL DEFAULT 0 CHECK (opinion BETWEEN -1 AND 1),
  in_list          boolean NOT NULL DEFAULT false,
  seen boolean GENERATED ALWAYS AS (
    completes > 0 OR watched_milli >= 500 OR rating_milli IS NOT NULL OR opinion <> 0
  ) VIRTUAL,
  weight_milli int GENERATED ALWAYS AS (
    CASE WHEN opinion = -1 OR rating_milli <= 2000 THEN 0
    ELSE coalesce(2 * (rating_milli - 2000), 0)
       + 500 * least(plays, 3)
       + 2 * watched_milli
       + CASE WHEN completes > 0 THEN 1000 ELSE 0 END
       + CASE WHEN opinion = 1 THEN 3000 ELSE 0 END
       + CASE WHEN in_list THEN 1000 ELSE 0 END
       + CASE WHEN shares > 0 THEN 1000 ELSE 0 END
       + 200 * least(least(clicks, 3) + least(views, 3), 3)
    END
  ) VIRTUAL,
  PRIMARY KEY (user_id, movie_id),
  CHECK ((rating_milli IS NULL) = (rating_event_id IS NULL))
) WITH (fillfactor = 80);

COMMENT ON TABLE user_history IS 'One row per user and movie that they did something with. Impressions and searches never come here.';
COMMENT ON COLUMN user_history.user_id IS 'The user.';
COMMENT ON COLUMN user_history.movie_id IS 'The movie.';
COMMENT ON COLUMN user_history.last_event_id IS 'Highest event id of the pair: uuid_time of it is when they last did something with it.';
COMMENT ON COLUMN user_history.rating_event_id IS 'Event of the rating kept: the latest one by id.';
COMMENT ON COLUMN user_history.opinion_event_id IS 'Event of the like or dislike kept: the latest one by id.';
COMMENT ON COLUMN user_history.list_event_id IS 'Event that put it on or took it off the list: the latest one by id.';
COMMENT ON COLUMN user_history.clicks IS 'Clicks on it.';
COMMENT ON COLUMN user_history.views IS 'Times its page was opened.';
COMMENT ON COLUMN user_history.plays IS 'Plays started.';
COMMENT ON COLUMN user_history.completes IS 'Times watched to the end.';
COMMENT ON COLUMN user_history.shares IS 'Times shared.';
COMMENT ON COLUMN user_history.watched_milli IS 'Largest share watched that was ever reported, in thousandths.';
COMMENT ON COLUMN user_history.rating_milli IS 'The latest rating, in thousandths of a star (500 to 5000); null when never rated.';
COMMENT ON COLUMN user_history.opinion IS 'The latest of like (1) and dislike (-1); 0 when neither.';
COMMENT ON COLUMN user_history.in_list IS 'Whether it is on their list now.';
COMMENT ON COLUMN user_history.seen IS 'They know the movie, so it is not recommended again: completed, or half of it watched, or rated, liked or disliked. Being on a list does not hide it.';
COMMENT ON COLUMN user_history.weight_milli IS 'How much the pair says for the movie, in thousandths, 0 to 16100. 0 when the latest opinion is dislike or the latest rating is 2 stars or less; else the sum of: 2 x (rating - 2); 0.5 a play, at most 3; 2 x the largest share watched; 1 when completed; 3 when liked; 1 when on the list; 1 when shared; 0.2 a click or page view, at most 0.6. No decay is stored: apply it at read by uuid_time(last_event_id).';

CREATE TABLE profile_outbox (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_ids   text[] NOT NULL,
  versions   bigint[] NOT NULL,
  changed_at timestamptz NOT NULL,
  CHECK (cardinality(user_ids) = cardinality(versions))
);
COMMENT ON TABLE profile_outbox IS 'Profile changes that are committed and not yet acknowledged on profile-changes.v1: one row per batch, deleted on acknowledgement.';
COMMENT ON COLUMN profile_outbox.id IS 'Order in which batches were written.';
COMMENT ON COLUMN profile_outbox.user_ids IS 'Users whose profile changed.';
COMMENT ON COLUMN profile_outbox.versions IS 'Their new profile_version, in the same order.';
COMMENT ON COLUMN profile_outbox.changed_at IS 'Received time of the batch''s last record.';

GRANT SELECT, INSERT ON profiles_event_ids TO marquee_writer;
GRANT SELECT, INSERT, UPDATE ON user_profiles, user_history TO marquee_writer;
GRANT SELECT, INSERT, DELETE ON profile_outbox TO marquee_writer;
-- SELECT ... FOR UPDATE SKIP LOCKED, by which several publishers share the outbox, asks for UPDATE
-- on a column; the id cannot be changed anyway.
GRANT UPDATE (id) ON profile_outbox TO marquee_writer;
