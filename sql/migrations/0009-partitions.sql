-- Partitions are made and dropped by two functions that run with the owner's rights, so that the
-- writer needs none on the schema.
CREATE TABLE partition_floors (
  parent text COLLATE "C" PRIMARY KEY,
  floor  timestamptz NOT NULL
);
COMMENT ON TABLE partition_floors IS 'How far each partitioned table was dropped. A partition below is never made again: it would be empty, and a resend would count twice.';
COMMENT ON COLUMN partition_floors.parent IS 'The partitioned table.';
COMMENT ON COLUMN partition_floors.floor IS 'Times before this were dropped.';

-- Makes the partitions that hold the times given, where they are missing, and returns how many were
-- made. Call it outside the batch's transaction: it holds its locks until COMMIT, though none that
-- a COPY into the table waits for (LIKE and ATTACH instead of PARTITION OF).
--   parent  a partitioned table of this schema or of its replay schema
--   times   any times; null elements are ignored
--   width   1 hour or 1 day: always the same for a table
CREATE FUNCTION ensure_partitions(parent regclass, times timestamptz[], width interval)
RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' AS $$
DECLARE
  home text := current_schema();
  parent_schema text;
  parent_name text;
  unit text := CASE width WHEN interval '1 hour' THEN 'hour' WHEN interval '1 day' THEN 'day' END;
  low timestamptz;
  child text;
  child_oid regclass;
  made int := 0;
  key_column text;
  key_oid oid;
BEGIN
  IF unit IS NULL THEN
    RAISE EXCEPTION 'ensure_partitions: width is %, expected 1 hour or 1 day', width
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Lets a swap that is under way end first: it moves the table to another schema.
  EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', parent);
  SELECT n.nspname, c.relname INTO parent_schema, parent_name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = parent AND c.relkind = 'p' AND n.nspname IN (home, home || '_replay');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'ensure_partitions: % is not a partitioned table of %', parent, home
      USING ERRCODE = 'invalid_parameter_value';
  END IF;

  FOR low IN SELECT DISTINCT date_trunc(unit, t) FROM unnest(times) AS t WHERE t IS NOT NULL ORDER BY 1 LOOP
    child := parent_name || to_char(low, CASE unit WHEN 'hour' THEN '"_"YYYYMMDDHH24' ELSE '"_"YYYYMMDD' END);
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = parent
       WHERE c.relname = child AND NOT i.inhdetachpending);
    -- One maker at a time for a table; the next one sees what this one made.
    PERFORM pg_advisory_xact_lock(hashtextextended('marquee.partitions', parent::oid::bigint));
    child_oid := to_regclass(format('%I.%I', parent_schema, child));
    CONTINUE WHEN EXISTS (
      SELECT FROM pg_inherits WHERE inhrelid = child_oid AND inhparent = parent AND NOT inhdetachpending);
    IF child_oid IS NOT NULL THEN
      RAISE EXCEPTION '%.% exists but is not attached: it is on its way to be dropped, so % is no longer writable',
        parent_schema, child, low USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF parent_schema = home AND low < (SELECT f.floor FROM partition_floors f WHERE f.parent = parent_name) THEN
      RAISE EXCEPTION '% was dropped up to %, so no partition is made for %', parent_name,
        (SELECT f.floor FROM partition_floors f WHERE f.parent = parent_name), low
        USING ERRCODE = 'datetime_field_overflow';  -- a fault of the row: it alone is dead-lettered
    END IF;

    EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL EXCLUDING COMMENTS)', parent_schema, child, parent);
    EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, parent_schema, child, lowest_uuid_at(low), lowest_uuid_at(low + width));
    made := made + 1;
  END LOOP;
  RETURN made;
END
$$;
COMMENT ON FUNCTION ensure_partitions(regclass, timestamptz[], interval) IS 'Makes the hour or day partitions that hold the times given. Safe to call from many sessions at once; returns how many were made.';

-- Every partition of a table with its bounds, oldest first.
CREATE FUNCTION partitions_of(parent regclass)
RETURNS TABLE (partition regclass, starts_at timestamptz, ends_at timestamptz)
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT inhrelid::regclass, uuid_time(bounds[1]::uuid), uuid_time(bounds[2]::uuid)
    FROM pg_inherits
    JOIN pg_class c ON c.oid = inhrelid,
         regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''([0-9a-f-]+)''\) TO \(''([0-9a-f-]+)''\)') AS bounds
   WHERE inhparent = parent AND NOT inhdetachpending
   ORDER BY 2
$$;
COMMENT ON FUNCTION partitions_of(regclass) IS 'The partitions of a table with their bounds, oldest first.';

-- Drops the partitions that end at or before a time and returns their names; with dry_run it only
-- names them. Not for rt_user_interactions, whose partitions go when the archive has them. Refused
-- while the table's processor may still receive an event of that time: its oldest partition has to
-- be past it by the late horizon (24 h) and an hour for brokers' clocks. Waits at most 2 s for the
-- lock, since writers queue behind it; 55P03 then means to try again later.
CREATE FUNCTION drop_partitions_before(parent regclass, before timestamptz, dry_run boolean)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
DECLARE
  parent_name text;
  owner_processor text;
  settled timestamptz;
  child record;
BEGIN
  SELECT c.relname INTO parent_name
    FROM pg_class c WHERE c.oid = parent AND c.relnamespace = current_schema()::regnamespace;
  owner_processor := CASE parent_name
    WHEN 'profiles_event_ids' THEN 'profiles'
    WHEN 'recommendation_feedback' THEN 'feedback'
    WHEN 'recommendation_logs' THEN 'serve-logs'
  END;
  IF owner_processor IS NULL OR before IS NULL THEN
    RAISE EXCEPTION 'drop_partitions_before: % is not a table with retention', parent
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT CASE WHEN count(*) = count(as_of) THEN min(as_of) - interval '25 hours' END INTO settled
    FROM stream_offsets WHERE processor = owner_processor;
  IF settled IS NULL OR before > settled THEN
    RAISE EXCEPTION '% may still receive events from before %: % has applied all that was received up to %',
      parent_name, before, owner_processor, coalesce((settled + interval '25 hours')::text, 'nothing yet')
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  FOR child IN SELECT partition::text AS name, ends_at FROM partitions_of(parent) WHERE ends_at <= before LOOP
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
COMMENT ON FUNCTION drop_partitions_before(regclass, timestamptz, boolean) IS 'Drops (or with dry_run names) the partitions that end at or before a time, for the tables with retention. Refuses while an event of that time may still come.';

GRANT EXECUTE ON FUNCTION ensure_partitions(regclass, timestamptz[], interval),
  drop_partitions_before(regclass, timestamptz, boolean) TO marquee_writer;
GRANT EXECUTE ON FUNCTION partitions_of(regclass) TO marquee_writer, marquee_reader;
GRANT SELECT ON partition_floors TO marquee_writer;
