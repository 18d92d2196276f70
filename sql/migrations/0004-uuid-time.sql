-- Event ids are UUIDv7: time-ordered, their first 48 bits epoch milliseconds. So one index orders
-- and dedupes, and a range of ids is a range of time.
CREATE FUNCTION lowest_uuid_at(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '70008000000000000000')::uuid;
COMMENT ON FUNCTION lowest_uuid_at(timestamptz) IS 'The lowest UUIDv7 of the millisecond of a time. event_id >= lowest_uuid_at(t) means "happened at t or after" and lets Postgres skip whole partitions.';

CREATE FUNCTION uuid_time(id uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN uuid_extract_timestamp(id);
COMMENT ON FUNCTION uuid_time(uuid) IS 'The time inside a UUIDv7, to the millisecond.';

GRANT EXECUTE ON FUNCTION lowest_uuid_at(timestamptz), uuid_time(uuid) TO marquee_writer, marquee_reader;
