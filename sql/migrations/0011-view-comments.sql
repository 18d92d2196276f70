-- A view's column means what the table's column of the same name means, unless its file says so.
CREATE FUNCTION inherit_comments(view_name regclass, VARIADIC tables regclass[]) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
  item record;
BEGIN
  FOR item IN
    SELECT DISTINCT ON (v.attname) v.attname, col_description(c.attrelid, c.attnum) AS comment
      FROM unnest(tables) WITH ORDINALITY AS t (oid, place)
      JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
      JOIN pg_attribute v ON v.attrelid = view_name AND v.attname = c.attname
     ORDER BY v.attname, t.place
  LOOP
    EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', view_name, item.attname, item.comment);
  END LOOP;
END
$$;
COMMENT ON FUNCTION inherit_comments(regclass, regclass[]) IS 'Gives a view''s columns the comments of the tables'' columns of the same names.';
