-- A replay's session has the replay schema alone on its search path, so that no statement of it can
-- reach a live table by accident: a copy that is missing is an error. What such a session calls is
-- therefore found there too.
DO $$
BEGIN
  EXECUTE format('CREATE FUNCTION %2$I.ensure_partitions(parent regclass, times timestamptz[], width interval)
    RETURNS int LANGUAGE sql RETURN %1$I.ensure_partitions(parent, times, width)',
    current_schema(), current_schema() || '_replay');
  EXECUTE format('COMMENT ON FUNCTION %I.ensure_partitions(regclass, timestamptz[], interval) IS %L',
    current_schema() || '_replay', 'The function of the same name, for sessions that see this schema only.');
  EXECUTE format('GRANT EXECUTE ON FUNCTION %I.ensure_partitions(regclass, timestamptz[], interval) TO marquee_writer',
    current_schema() || '_replay');
END
$$;

-- Takes out of a table's copy the partitions that the live table no longer has, since retention or
-- the archive dropped them: a replay from further back makes them again.
CREATE FUNCTION prune_shadow(table_name text) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
  replay text := current_schema() || '_replay';
  lowest timestamptz := (SELECT f.floor FROM partition_floors f WHERE f.parent = table_name);
  child record;
BEGIN
  FOR child IN
    SELECT p.partition::text AS name FROM partitions_of(to_regclass(format('%I.%I', replay, table_name))) AS p
     WHERE p.ends_at <= lowest
  LOOP
    EXECUTE format('DROP TABLE %s', child.name);
    RETURN NEXT child.name;
  END LOOP;
END
$$;
COMMENT ON FUNCTION prune_shadow(text) IS 'Drops the partitions of a table''s copy that the live table has dropped already; returns their names.';
GRANT EXECUTE ON FUNCTION prune_shadow(text) TO marquee_writer;
