-- Event ids are UUIDv7: time-ordered, their first 48 bits epoch milliseconds. So one index orders
-- and dedupes, and a range of ids is a range of time.
-- Written so that Postgres can inline it (at a time zone the parts are immutable, and a scan with
-- now() in its filter computes it for each row): 0.4 µs instead of 6. A double holds microseconds
-- exactly; 0x7000 is the version.
CREATE FUNCTION lowest_uuid_at(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (encode((
    (round(date_part('epoch', at AT TIME ZONE 'UTC') * 1000000)::bigint / 1000) << 16 | x'7000'::int
  )::bytea, 'hex') || '8000000000000000')::uuid;
COMMENT ON FUNCTION lowest_uuid_at(timestamptz) IS 'The lowest UUIDv7 of the millisecond of a time. event_id >= lowest_uuid_at(t) means "happened at t or after" and lets Postgres skip whole partitions.';

CREATE FUNCTION uuid_time(id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN uuid_extract_timestamp(id);
COMMENT ON FUNCTION uuid_time(uuid) IS 'The time inside a UUIDv7, to the millisecond.';

GRANT EXECUTE ON FUNCTION lowest_uuid_at(timestamptz), uuid_time(uuid) TO marquee_writer, marquee_reader;
