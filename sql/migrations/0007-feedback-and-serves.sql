-- What was recommended, and what users did with it. Day partitions by the time in the id; retention
-- drops whole days.
CREATE TABLE recommendation_logs (
  request_id      uuid NOT NULL,
  served_at       timestamptz NOT NULL,
  received_at     timestamptz NOT NULL,
  latency_ms      double precision,
  kafka_offset    bigint NOT NULL,
  kafka_partition int NOT NULL,
  user_id         text COLLATE "C" NOT NULL,
  source          text COLLATE "C" NOT NULL,
  algorithm       text COLLATE "C" NOT NULL,
  model_version   text COLLATE "C",
  surface         text COLLATE "C",
  app             text COLLATE "C" NOT NULL,
  movie_ids       bigint[] NOT NULL,
  scores          double precision[] NOT NULL,
  properties      jsonb NOT NULL,
  PRIMARY KEY (request_id)
) PARTITION BY RANGE (request_id);

COMMENT ON TABLE recommendation_logs IS 'Every list of recommendations that was served, once each.';
COMMENT ON COLUMN recommendation_logs.request_id IS 'UUIDv7 of served_at; actions that answer the serve carry it.';
COMMENT ON COLUMN recommendation_logs.served_at IS 'When it was served.';
COMMENT ON COLUMN recommendation_logs.received_at IS 'When the broker first received the log.';
COMMENT ON COLUMN recommendation_logs.latency_ms IS 'Time to make the answer, in milliseconds, or null.';
COMMENT ON COLUMN recommendation_logs.kafka_offset IS 'Offset of its record on recommendation-serves.v1.';
COMMENT ON COLUMN recommendation_logs.kafka_partition IS 'Partition of its record on recommendation-serves.v1.';
COMMENT ON COLUMN recommendation_logs.user_id IS 'The user it was served to.';
COMMENT ON COLUMN recommendation_logs.source IS 'Which step answered: cache, similarity, batch or popular.';
COMMENT ON COLUMN recommendation_logs.algorithm IS 'Algorithm that made the list.';
COMMENT ON COLUMN recommendation_logs.model_version IS 'Model behind it, or null where none is.';
COMMENT ON COLUMN recommendation_logs.surface IS 'Where in the app it was shown, or null.';
COMMENT ON COLUMN recommendation_logs.app IS 'App or service that served it.';
COMMENT ON COLUMN recommendation_logs.movie_ids IS 'The movies, best first.';
COMMENT ON COLUMN recommendation_logs.scores IS 'Their scores in the same order, or empty.';
COMMENT ON COLUMN recommendation_logs.properties IS 'What else was said: an object of strings, {} when nothing.';

CREATE TABLE recommendation_feedback (
  event_id        uuid NOT NULL,
  request_id      uuid NOT NULL,
  occurred_at     timestamptz NOT NULL,
  received_at     timestamptz NOT NULL,
  movie_id        bigint,
  value           double precision,
  kafka_offset    bigint NOT NULL,
  kafka_partition int NOT NULL,
  position        int,
  user_id         text COLLATE "C" NOT NULL,
  action          text COLLATE "C" NOT NULL,
  app             text COLLATE "C" NOT NULL,
  PRIMARY KEY (event_id)
) PARTITION BY RANGE (event_id);
CREATE INDEX ON recommendation_feedback (request_id);

COMMENT ON TABLE recommendation_feedback IS 'User actions that answer a recommendation (those with a request_id, but no search), once each.';
COMMENT ON COLUMN recommendation_feedback.event_id IS 'UUIDv7 of occurred_at; the same id as in rt_user_interactions.';
COMMENT ON COLUMN recommendation_feedback.request_id IS 'The serve that it answers.';
COMMENT ON COLUMN recommendation_feedback.occurred_at IS 'When the user did it.';
COMMENT ON COLUMN recommendation_feedback.received_at IS 'When the broker first received it.';
COMMENT ON COLUMN recommendation_feedback.movie_id IS 'The movie.';
COMMENT ON COLUMN recommendation_feedback.value IS 'As in rt_user_interactions.value.';
COMMENT ON COLUMN recommendation_feedback.kafka_offset IS 'Offset of its record on user-actions.v1.';
COMMENT ON COLUMN recommendation_feedback.kafka_partition IS 'Partition of its record on user-actions.v1.';
COMMENT ON COLUMN recommendation_feedback.position IS 'Place in the list, from 1, or null.';
COMMENT ON COLUMN recommendation_feedback.user_id IS 'The user.';
COMMENT ON COLUMN recommendation_feedback.action IS 'As in rt_user_interactions.action.';
COMMENT ON COLUMN recommendation_feedback.app IS 'App that sent it.';

GRANT SELECT, INSERT ON recommendation_logs, recommendation_feedback TO marquee_writer;
