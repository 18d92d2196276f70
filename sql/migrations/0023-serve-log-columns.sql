-- What version 2 of recommendation-serves.v1 says more: who else it was for, which rules and which arm
-- shaped the list, whose next page it is, and why each movie is in it. Defaults are those of the
-- schema, so a serve of version 1 has the same row, whether it was stored before this or after.
ALTER TABLE recommendation_logs
  ALTER COLUMN user_id DROP NOT NULL,
  ADD COLUMN surface_version  text COLLATE "C",
  ADD COLUMN experiment       text COLLATE "C",
  ADD COLUMN arm              text COLLATE "C",
  ADD COLUMN after_request_id uuid,
  ADD COLUMN first_position   int NOT NULL DEFAULT 1,
  ADD COLUMN reasons          text[] COLLATE "C" NOT NULL DEFAULT '{}',
  ADD COLUMN propensities     double precision[] NOT NULL DEFAULT '{}',
  ADD COLUMN steps            text[] COLLATE "C" NOT NULL DEFAULT '{}';

COMMENT ON COLUMN recommendation_logs.user_id IS 'The user it was served to; null for somebody who was not signed in.';
COMMENT ON COLUMN recommendation_logs.surface_version IS 'Version of the surface''s rules that shaped the list, or null.';
COMMENT ON COLUMN recommendation_logs.experiment IS 'The experiment that the request was part of, or null.';
COMMENT ON COLUMN recommendation_logs.arm IS 'The user''s arm of the experiment, or null.';
COMMENT ON COLUMN recommendation_logs.after_request_id IS 'The request whose next page this list is, or null.';
COMMENT ON COLUMN recommendation_logs.first_position IS 'Place of the first movie over all pages of the list, from 1.';
COMMENT ON COLUMN recommendation_logs.reasons IS 'Why each movie is there, in the same order (because_you:318, popular), or empty.';
COMMENT ON COLUMN recommendation_logs.propensities IS 'How probable it was that each movie stood at its place, in the same order; empty where all are 1.';
COMMENT ON COLUMN recommendation_logs.steps IS 'What each step of the serving chain said, in order (cache:miss, computed:no_model).';

-- A user's last serves. Whoever was not signed in is never asked for.
CREATE INDEX ON recommendation_logs (user_id, request_id) WHERE user_id IS NOT NULL;
