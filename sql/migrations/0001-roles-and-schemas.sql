-- Who may do what, and where. The migrator owns all; a grant that is not in these files does not
-- exist. The statements of one file share a transaction, and the runner sets the search_path.
DO $$
DECLARE
  home text := current_schema();
  role_name text;
  setting text;
BEGIN
  EXECUTE format('COMMENT ON SCHEMA %I IS %L', home,
    'Marquee: what apps'' users did and what was recommended to them, and the stream processors'' own records. Analysts start from the views.');
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO marquee_writer, marquee_reader', home);

  -- A replay builds its tables beside the live ones; "transit" is empty but during a swap.
  EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', home || '_replay');
  EXECUTE format('COMMENT ON SCHEMA %I IS %L', home || '_replay',
    'Tables that a replay is rebuilding, and after a swap the ones that it replaced.');
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO marquee_writer, marquee_reader', home || '_replay');
  EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', home || '_transit');
  EXECUTE format('COMMENT ON SCHEMA %I IS %L', home || '_transit',
    'Holds tables for the moment in which a replay''s tables and the live ones change places.');

  -- Processors may ask whether the database is new enough for them.
  GRANT SELECT ON schema_migrations TO marquee_writer;
  -- Analysts may read every table and view, partitions too.
  GRANT SELECT ON schema_migrations, schema_views TO marquee_reader;
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO marquee_reader', home);
  ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

  -- An administrator's bootstrap sets these already; where it did not, only a role that may alter
  -- the others can, and clients then name the schema in their connection string.
  FOREACH role_name IN ARRAY ARRAY['marquee_migrator', 'marquee_writer', 'marquee_reader'] LOOP
    SELECT s INTO setting
      FROM pg_db_role_setting d, unnest(d.setconfig) AS s
     WHERE d.setrole = role_name::regrole
       AND d.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND s LIKE 'search_path=%';
    IF setting IS NULL THEN
      BEGIN
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET search_path = %I, public',
                       role_name, current_database(), home);
      EXCEPTION WHEN insufficient_privilege THEN
        RAISE WARNING 'The search_path of % is not set; as an administrator: ALTER ROLE % IN DATABASE % SET search_path = %, public',
          role_name, role_name, current_database(), home;
      END;
    END IF;
  END LOOP;
END
$$;
