-- The hot window: every user action, in hour partitions by the time in its id. The primary key is
-- the only index (each further btree would cost more per row than decoding and COPY together), and
-- there is no default partition: ensure_partitions makes the hours that a batch needs.
-- Columns go from wide and fixed to variable, which saves padding in each of millions of rows.
CREATE TABLE rt_user_interactions (
  event_id        uuid NOT NULL,
  occurred_at     timestamptz NOT NULL,
  received_at     timestamptz NOT NULL,
  movie_id        bigint,
  value           double precision,
  kafka_offset    bigint NOT NULL,
  kafka_partition int NOT NULL,
  position        int,
  request_id      uuid,
  user_id         text COLLATE "C" NOT NULL,
  action          text COLLATE "C" NOT NULL,
  session_id      text COLLATE "C",
  device          text COLLATE "C",
  app             text COLLATE "C" NOT NULL,
  app_version     text COLLATE "C",
  properties      jsonb NOT NULL,
  PRIMARY KEY (event_id)
) PARTITION BY RANGE (event_id);

COMMENT ON TABLE rt_user_interactions IS 'Every user action of the last days, once each, resends removed. Holds at least the window of 48 hours; the view recent_interactions shows exactly that.';
COMMENT ON COLUMN rt_user_interactions.event_id IS 'UUIDv7 of occurred_at, made by the app. Restrict it with lowest_uuid_at(time) to read only the hours needed.';
COMMENT ON COLUMN rt_user_interactions.occurred_at IS 'When the user did it, by the app''s clock; equals the time in event_id.';
COMMENT ON COLUMN rt_user_interactions.received_at IS 'When the broker first received it.';
COMMENT ON COLUMN rt_user_interactions.movie_id IS 'The movie; null for some searches.';
COMMENT ON COLUMN rt_user_interactions.value IS 'rate: 0.5 to 5 stars. progress, play, complete: share watched, 0 to 1. Null for other actions.';
COMMENT ON COLUMN rt_user_interactions.kafka_offset IS 'Offset of its record on user-actions.v1.';
COMMENT ON COLUMN rt_user_interactions.kafka_partition IS 'Partition of its record on user-actions.v1.';
COMMENT ON COLUMN rt_user_interactions.position IS 'Place in the list, from 1, when it answers a recommendation.';
COMMENT ON COLUMN rt_user_interactions.request_id IS 'The serve that it answers (recommendation_logs.request_id), or null.';
COMMENT ON COLUMN rt_user_interactions.user_id IS 'The user, as the app names them.';
COMMENT ON COLUMN rt_user_interactions.action IS 'impression, view, click, play, progress, complete, rate, like, dislike, list_add, list_remove, share or search.';
COMMENT ON COLUMN rt_user_interactions.session_id IS 'The app''s session, or null.';
COMMENT ON COLUMN rt_user_interactions.device IS 'Kind of device, as the app names it, or null.';
COMMENT ON COLUMN rt_user_interactions.app IS 'App that sent it.';
COMMENT ON COLUMN rt_user_interactions.app_version IS 'Version of that app, or null.';
COMMENT ON COLUMN rt_user_interactions.properties IS 'What else the app said: an object of strings, {} when nothing.';

GRANT SELECT, INSERT ON rt_user_interactions TO marquee_writer;
