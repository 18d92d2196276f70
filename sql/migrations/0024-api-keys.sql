-- Who may call the HTTP API. A key is shown once, when it is made; what stands here can't be used
-- to call, since a SHA-256 of 256 random bits leads nowhere.
CREATE TABLE api_keys (
  key_id              text COLLATE "C" PRIMARY KEY CHECK (key_id ~ '^[a-z2-7]{12}$'),
  secret_sha256       bytea NOT NULL CHECK (length(secret_sha256) = 32),
  scopes              text[] NOT NULL
    CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['emit', 'read', 'admin']),
  app                 text COLLATE "C" NOT NULL CHECK (length(app) BETWEEN 1 AND 64),
  user_id             text COLLATE "C" CHECK (length(user_id) BETWEEN 1 AND 256),
  requests_per_second int CHECK (requests_per_second > 0),
  created_at          timestamptz NOT NULL DEFAULT now(),
  withdrawn_at        timestamptz,
  changed_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  note                text NOT NULL DEFAULT ''
);
CREATE INDEX ON api_keys (changed_at);
COMMENT ON TABLE api_keys IS 'Keys of the HTTP API: `marquee keys`. A row is never deleted, so what a withdrawn key did can be told apart.';
COMMENT ON COLUMN api_keys.key_id IS 'The part of the key that is no secret: mq_<key_id>_<secret>.';
COMMENT ON COLUMN api_keys.secret_sha256 IS 'SHA-256 of the secret part, 256 random bits.';
COMMENT ON COLUMN api_keys.scopes IS 'What it may do: emit events, read recommendations, admin (all, and the metrics).';
COMMENT ON COLUMN api_keys.app IS 'The app that calls: its events and the lists that it is served are recorded under this name.';
COMMENT ON COLUMN api_keys.user_id IS 'The only user that it may read or emit for; null for any.';
COMMENT ON COLUMN api_keys.requests_per_second IS 'Requests a second that it may make; null is the default of the API.';
COMMENT ON COLUMN api_keys.created_at IS 'When it was made.';
COMMENT ON COLUMN api_keys.withdrawn_at IS 'When it was withdrawn: refused from then on. Null while it holds.';
COMMENT ON COLUMN api_keys.changed_at IS 'When the row was last written; APIs that run read what changed.';
COMMENT ON COLUMN api_keys.note IS 'Who has it and what for, as they said.';

GRANT SELECT, INSERT, UPDATE (withdrawn_at, changed_at) ON api_keys TO marquee_writer;
