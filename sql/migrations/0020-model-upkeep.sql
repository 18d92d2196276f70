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

-- Where a rollback goes. Promotions pile up; a rollback takes off what came after the version to which it
-- went, so that the next one goes further back, never forward again to what was rolled back.
CREATE FUNCTION rollback_target() RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
  step record;
  served text[] := '{}';
BEGIN
  FOR step IN SELECT model_version, reason FROM model_promotions ORDER BY id LOOP
    IF step.reason <> 'rollback' THEN
      served := served || step.model_version;
      CONTINUE;
    END IF;
    WHILE served[cardinality(served)] <> step.model_version LOOP
      served := trim_array(served, 1);
    END LOOP;
  END LOOP;
  RETURN (SELECT before.version
            FROM unnest(served) WITH ORDINALITY AS before (version, place)
            JOIN model_versions v ON v.model_version = before.version
           WHERE before.version NOT IN (SELECT model_version FROM active_model)
             AND before.place < cardinality(served)
           ORDER BY before.place DESC LIMIT 1);
END
$$;
COMMENT ON FUNCTION rollback_target() IS 'The model version that a rollback makes active; null when there is none.';
GRANT EXECUTE ON FUNCTION rollback_target() TO marquee_writer;

-- A statement's timeout is set before the function begins: it could not lift it.
ALTER FUNCTION finish_model(text, int, jsonb) RESET statement_timeout;
