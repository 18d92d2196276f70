-- What the views show as as_of. Unknown as long as one partition's is: better no answer than one
-- that a backlog makes wrong.
CREATE FUNCTION applied_until(VARIADIC processors text[]) RETURNS timestamptz
LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
  SELECT CASE WHEN count(*) = count(as_of) THEN min(as_of) END
    FROM stream_offsets WHERE processor = ANY (processors)
$$;
COMMENT ON FUNCTION applied_until(text[]) IS 'All that was received up to this time is in the tables of these processors; null while that is not known of every partition.';
GRANT EXECUTE ON FUNCTION applied_until(text[]) TO marquee_writer, marquee_reader;
