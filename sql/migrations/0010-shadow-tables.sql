-- A replay fills copies of a processor's tables in the schema <home>_replay and then changes them
-- with the live ones in one transaction. A session with search_path = <home>_replay, <home> runs a
-- processor's own statements against the copies.

-- Makes an empty copy of a table in the replay schema (a copy left there is dropped): columns,
-- defaults, constraints, indexes, storage settings, comments and grants; no partitions.
CREATE FUNCTION prepare_shadow(table_name text) RETURNS regclass
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
  home text := current_schema();
  shadow text := format('%I.%I', home || '_replay', table_name);
  live pg_class;
  item record;
BEGIN
  SELECT * INTO live FROM pg_class
   WHERE relnamespace = home::regnamespace AND relname = table_name
     AND relkind IN ('r', 'p') AND NOT relispartition;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'prepare_shadow: % has no table %', home, table_name
      USING ERRCODE = 'undefined_table';
  END IF;
  EXECUTE format('DROP TABLE IF EXISTS %s', shadow);
  EXECUTE format('CREATE TABLE %s (LIKE %I.%I INCLUDING ALL) %s %s', shadow, home, table_name,
    'PARTITION BY ' || pg_get_partkeydef(live.oid),
    'WITH (' || array_to_string(live.reloptions, ', ') || ')');
  EXECUTE format('COMMENT ON TABLE %s IS %L', shadow, obj_description(live.oid, 'pg_class'));
  FOR item IN
    SELECT a.privilege_type, a.grantee, '' AS columns
      FROM aclexplode(live.relacl) AS a WHERE a.grantee <> live.relowner
    UNION ALL
    SELECT a.privilege_type, a.grantee, format('(%I)', c.attname)
      FROM pg_attribute c, aclexplode(c.attacl) AS a WHERE c.attrelid = live.oid
  LOOP
    EXECUTE format('GRANT %s %s ON %s TO %s', item.privilege_type, item.columns, shadow,
      CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE item.grantee::regrole::text END);
  END LOOP;
  RETURN shadow::regclass;
END
$$;
COMMENT ON FUNCTION prepare_shadow(text) IS 'Makes an empty copy of a table in the replay schema, with its indexes, settings, comments and grants.';

-- Drops a table of the replay schema, if it is there.
CREATE FUNCTION drop_shadow(table_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
BEGIN
  EXECUTE format('DROP TABLE IF EXISTS %I.%I', current_schema() || '_replay', table_name);
END
$$;
COMMENT ON FUNCTION drop_shadow(text) IS 'Drops a table of the replay schema, if it is there.';

-- A table's shape, to be compared: columns with type, collation, nullability and generation.
CREATE FUNCTION table_shape(t regclass) RETURNS text
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod),
           nullif(a.attcollation, 0)::regcollation, CASE WHEN a.attnotnull THEN 'not null' END,
           nullif(a.attgenerated, ''), pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attnum)
    FROM pg_attribute a
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = t AND a.attnum > 0 AND NOT a.attisdropped
$$;
COMMENT ON FUNCTION table_shape(regclass) IS 'A table''s columns with type, collation, nullability, generation and default.';

-- Changes tables of the replay schema with the live ones of the same name, partitions included.
-- Views are bound to tables, not to names: each that reads one of them is made again on the new
-- one, keeping its grants, comments and what is built on it. The replaced tables stay in the replay
-- schema until drop_shadow or the next prepare_shadow.
CREATE FUNCTION swap_shadow(tables text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
  home text := current_schema();
  replay text := home || '_replay';
  transit text := home || '_transit';
  names text[] := ARRAY(SELECT DISTINCT t FROM unnest(tables) AS t ORDER BY 1);
  live_oids oid[] := '{}';
  live_tree regclass[] := '{}';
  shadow_tree regclass[] := '{}';
  name text;
  live regclass;
  shadow regclass;
  moved regclass;
  view_row record;
  statements text[] := '{}';
  statement text;
BEGIN
  FOREACH name IN ARRAY names LOOP
    live := to_regclass(format('%I.%I', home, name));
    shadow := to_regclass(format('%I.%I', replay, name));
    IF live IS NULL OR shadow IS NULL THEN
      RAISE EXCEPTION 'swap_shadow: % is not a table of both % and %', name, home, replay
        USING ERRCODE = 'undefined_table';
    END IF;
    EXECUTE format('LOCK TABLE %s, %s IN ACCESS EXCLUSIVE MODE', live, shadow);
    IF table_shape(live) IS DISTINCT FROM table_shape(shadow) THEN
      RAISE EXCEPTION '% has changed since its copy was made: replay again', name
        USING ERRCODE = 'object_not_in_prerequisite_state',
              DETAIL = format('live: %s; copy: %s', table_shape(live), table_shape(shadow));
    END IF;
    live_oids := live_oids || live::oid;
    live_tree := live_tree || live || ARRAY(SELECT relid FROM pg_partition_tree(live) WHERE level > 0);
    shadow_tree := shadow_tree || shadow || ARRAY(SELECT relid FROM pg_partition_tree(shadow) WHERE level > 0);
  END LOOP;

  FOR view_row IN
    SELECT DISTINCT v.oid, v.relkind, v.oid::regclass AS name, v.reloptions,
           pg_has_role(v.relowner, 'USAGE') AS ours
      FROM pg_depend d
      JOIN pg_rewrite r ON r.oid = d.objid
      JOIN pg_class v ON v.oid = r.ev_class
     WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
       AND d.refobjid = ANY (live_oids) AND v.oid <> ALL (live_oids)
  LOOP
    IF view_row.relkind <> 'v' OR NOT view_row.ours THEN
      RAISE EXCEPTION '% is built on a table that is to be replaced, and cannot be made again by %: drop it first',
        view_row.name, current_user USING ERRCODE = 'dependent_objects_still_exist';
    END IF;
    statements := statements || format('CREATE OR REPLACE VIEW %s %s AS %s', view_row.name,
      'WITH (' || array_to_string(view_row.reloptions, ', ') || ')', pg_get_viewdef(view_row.oid));
  END LOOP;

  FOREACH moved IN ARRAY live_tree LOOP
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', moved, transit);
  END LOOP;
  FOREACH moved IN ARRAY shadow_tree LOOP
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', moved, home);
  END LOOP;
  FOREACH moved IN ARRAY live_tree LOOP
    EXECUTE format('ALTER TABLE %s SET SCHEMA %I', moved, replay);
  END LOOP;

  FOREACH statement IN ARRAY statements LOOP
    EXECUTE statement;
  END LOOP;
END
$$;
COMMENT ON FUNCTION swap_shadow(text[]) IS 'Changes tables of the replay schema with the live ones, partitions included, and binds the views to the new ones. Atomic with the caller''s transaction.';

-- The swap at the end of a replay, refused unless the copies stand where the live tables stand.
-- Beside the tables it takes over what the replay says became of its records: the ledger and the
-- dead letters over the range that was replayed. The copies of stream_offsets, stream_ledger and
-- dead_letters must be in the replay schema, under the processor's name or the one it was replayed
-- as. The live offsets' rows are locked first, so no batch is under way; an owner goes on after it
-- at the same offset.
CREATE FUNCTION finish_replay(processor_name text, tables text[], replayed_as text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '5s' AS $$
DECLARE
  replay text := current_schema() || '_replay';
  shared text[] := ARRAY['stream_offsets', 'stream_ledger', 'dead_letters'];
  name text;
  differing text;
  torn text;
  place record;
BEGIN
  SELECT string_agg(s, ', ') INTO differing FROM unnest(shared) AS s
   WHERE table_shape(s::regclass) IS DISTINCT FROM table_shape(to_regclass(format('%I.%I', replay, s)));
  IF differing IS NOT NULL THEN
    RAISE EXCEPTION 'the replay of % has no copy of %, or one from before a migration: replay again', processor_name, differing
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  IF replayed_as IS NOT NULL THEN
    FOREACH name IN ARRAY shared LOOP
      EXECUTE format('UPDATE %I.%I SET processor = $1 WHERE processor = $2', replay, name)
        USING processor_name, replayed_as;
    END LOOP;
  END IF;
  PERFORM FROM stream_offsets WHERE processor = processor_name ORDER BY topic, partition FOR UPDATE;

  CREATE TEMP TABLE replayed_offsets ON COMMIT DROP AS TABLE stream_offsets WITH NO DATA;
  EXECUTE format('INSERT INTO pg_temp.replayed_offsets SELECT * FROM %I.stream_offsets WHERE processor = $1', replay)
    USING processor_name;
  SELECT string_agg(format('%s/%s: live %s, copy %s%s', coalesce(l.topic, r.topic), coalesce(l.partition, r.partition),
           coalesce(l.next_offset::text, 'none'), coalesce(r.next_offset::text, 'none'),
           CASE WHEN l.next_offset = r.next_offset THEN ', of another log' END), '; ')
    INTO differing
    FROM (SELECT * FROM stream_offsets WHERE processor = processor_name) l
    FULL JOIN pg_temp.replayed_offsets r USING (topic, partition)
   WHERE (l.next_offset, l.last_offset, l.last_identity)
         IS DISTINCT FROM (r.next_offset, r.last_offset, r.last_identity);
  IF differing IS NOT NULL THEN
    RAISE EXCEPTION 'the replay of % does not stand where the live tables stand (%)', processor_name, differing
      USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;

  FOR place IN EXECUTE format(
    'SELECT topic, partition, min(from_offset) AS first FROM %I.stream_ledger WHERE processor = $1 GROUP BY 1, 2', replay)
    USING processor_name
  LOOP
    SELECT format('%s/%s [%s, %s)', topic, partition, from_offset, to_offset) INTO torn
      FROM stream_ledger
     WHERE processor = processor_name AND topic = place.topic AND partition = place.partition
       AND from_offset < place.first AND to_offset > place.first;
    IF FOUND THEN
      RAISE EXCEPTION 'the replay of % starts at offset %, inside the ledger''s range %: replay from where a range starts',
        processor_name, place.first, torn USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    DELETE FROM stream_ledger
     WHERE processor = processor_name AND topic = place.topic AND partition = place.partition
       AND from_offset >= place.first;
    EXECUTE format('DELETE FROM dead_letters AS d
       WHERE processor = $1 AND topic = $2 AND partition = $3 AND kafka_offset >= $4
         AND NOT EXISTS (SELECT FROM %I.dead_letters s WHERE s.processor = d.processor
               AND s.topic = d.topic AND s.partition = d.partition AND s.kafka_offset = d.kafka_offset)', replay)
      USING processor_name, place.topic, place.partition, place.first;
  END LOOP;
  EXECUTE format('INSERT INTO stream_ledger SELECT * FROM %I.stream_ledger WHERE processor = $1', replay)
    USING processor_name;
  -- One that was published or redriven stays marked.
  EXECUTE format('INSERT INTO dead_letters SELECT * FROM %I.dead_letters WHERE processor = $1
      ON CONFLICT (processor, topic, partition, kafka_offset)
      DO UPDATE SET reason = excluded.reason, detail = excluded.detail', replay)
    USING processor_name;
  UPDATE stream_offsets o SET ledger_from = r.ledger_from
    FROM pg_temp.replayed_offsets r
   WHERE o.processor = processor_name AND (o.topic, o.partition) = (r.topic, r.partition);
  DROP TABLE pg_temp.replayed_offsets;

  PERFORM swap_shadow(tables);
END
$$;
COMMENT ON FUNCTION finish_replay(text, text[], text) IS 'Puts a replay''s tables, ledger and dead letters in the place of the live ones; refused, with the reason, unless both stand at the same offsets of the same log.';

GRANT EXECUTE ON FUNCTION prepare_shadow(text), drop_shadow(text), swap_shadow(text[]),
  finish_replay(text, text[], text) TO marquee_writer;
