-- What was left by a run that was killed is no partition yet: to drop it waits for nobody who reads the
-- loaded versions. Otherwise as before.
CREATE OR REPLACE FUNCTION drop_model(version text) RETURNS void
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
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass(base)
                  AND inhrelid = to_regclass(base || '_' || lower(version))) THEN
      -- The order in which readers lock: the table, then its partition.
      EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', base);
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', base || '_' || lower(version));
  END LOOP;
END
$$;

-- Where a rollback goes: the version that served before the active one came by the gate or by hand, and
-- is still loaded. A rollback is no promotion here: the one after it goes further back.
CREATE FUNCTION rollback_target() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
  SELECT p.previous_version
    FROM model_promotions p
    JOIN active_model a USING (model_version)
    JOIN model_versions v ON v.model_version = p.previous_version
   WHERE p.reason <> 'rollback'
   ORDER BY p.id DESC LIMIT 1
$$;
COMMENT ON FUNCTION rollback_target() IS 'The model version that a rollback makes active; null when there is none.';
GRANT EXECUTE ON FUNCTION rollback_target() TO marquee_writer;

-- A statement's timeout is set before the function begins: it could not lift it.
ALTER FUNCTION finish_model(text, int, jsonb) RESET statement_timeout;
