#!/bin/sh
# Run once by the Postgres image of compose.yaml, as its superuser, on an empty volume.
set -eu
psql -X -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<SQL
\set migrator_password $MARQUEE_MIGRATOR_PASSWORD
\set writer_password $MARQUEE_WRITER_PASSWORD
\set reader_password $MARQUEE_READER_PASSWORD
\i /marquee/bootstrap.sql
\connect postgres
CREATE DATABASE registry;
SQL
