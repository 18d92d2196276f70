-- Which tables retention is for was said in drop_partitions_before itself; a table that comes later
-- says so in its own migration.
CREATE TABLE retained_tables (
  parent    text COLLATE "C" PRIMARY KEY,
  processor text COLLATE "C" NOT NULL
);
COMMENT ON TABLE retained_tables IS
  'Partitioned tables whose old partitions may be dropped; settings MARQUEE_RETENTION_* say when.';
COMMENT ON COLUMN retained_tables.parent IS 'The partitioned table.';
COMMENT ON COLUMN retained_tables.processor IS
  'Processor that fills it: nothing goes while it may still receive an event of that time.';

INSERT INTO retained_tables VALUES
  ('profiles_event_ids', 'profiles'),
  ('recommendation_feedback', 'feedback'),
  ('recommendation_logs', 'serve-logs');

-- As before, but for where owner_processor comes from.
CREATE OR REPLACE FUNCTION
  drop_partitions_before(parent regclass, before timestamptz, dry_run boolean)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  parent_name text;
  owner_processor text;
  settled timestamptz;
  child record;
BEGIN
  SELECT c.relname, r.processor INTO parent_name, owner_processor
    FROM pg_class c JOIN retained_tables r ON r.parent = c.relname
   WHERE c.oid = drop_partitions_before.parent AND c.relnamespace = current_schema()::regnamespace;
  IF owner_processor IS NULL OR before IS NULL THEN
    RAISE EXCEPTION 'drop_partitions_before: % is not a table with retention', parent
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT CASE WHEN count(*) = count(as_of) THEN min(as_of) - interval '25 hours' END INTO settled
    FROM stream_offsets WHERE processor = owner_processor;
  IF settled IS NULL OR before > settled THEN
    RAISE EXCEPTION
      '% may still receive events from before %: % has applied all that was received up to %',
      parent_name, before, owner_processor,
      coalesce((settled + interval '25 hours')::text, 'nothing yet')
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  FOR child IN
    SELECT partition::text AS name, ends_at FROM partitions_of(parent) WHERE ends_at <= before
  LOOP
    IF NOT dry_run THEN
      EXECUTE format('DROP TABLE %s', child.name);
      INSERT INTO partition_floors VALUES (parent_name, child.ends_at)
        ON CONFLICT ON CONSTRAINT partition_floors_pkey
        DO UPDATE SET floor = greatest(partition_floors.floor, excluded.floor);
    END IF;
    RETURN NEXT child.name;
  END LOOP;
END
$$;

COMMENT ON COLUMN stream_offsets.processor IS
  'Processor: a folder of streams/; `marquee processors` lists them.';
