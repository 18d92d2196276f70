-- What an administrator does once on a Postgres of one's own, before `marquee migrate`:
--   psql -d postgres -v migrator_password=... -v writer_password=... -v reader_password=... -f sql/bootstrap.sql
-- Needs a superuser (pgvector is not a trusted extension everywhere). Everything after it needs
-- none: the migrations run as marquee_migrator, who owns the database and all that is in it.
-- Safe to run again: what exists stays, passwords are set anew.
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I LOGIN', name)
  FROM unnest(ARRAY['marquee_migrator', 'marquee_writer', 'marquee_reader']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

ALTER ROLE marquee_migrator PASSWORD :'migrator_password';
ALTER ROLE marquee_writer PASSWORD :'writer_password';
ALTER ROLE marquee_reader PASSWORD :'reader_password';

SELECT 'CREATE DATABASE marquee OWNER marquee_migrator ENCODING ''UTF8'' TEMPLATE template0 '
       'LOCALE_PROVIDER builtin BUILTIN_LOCALE ''C.UTF-8'' LC_COLLATE ''C'' LC_CTYPE ''C'''
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'marquee') \gexec

\connect marquee
CREATE EXTENSION IF NOT EXISTS vector;
REVOKE ALL ON DATABASE marquee FROM PUBLIC;
GRANT CONNECT ON DATABASE marquee TO marquee_reader;
-- The writer stages a batch that holds resends in a temporary table.
GRANT CONNECT, TEMPORARY ON DATABASE marquee TO marquee_writer;

ALTER ROLE marquee_migrator IN DATABASE marquee SET search_path = marquee, public;
ALTER ROLE marquee_writer   IN DATABASE marquee SET search_path = marquee, public;
ALTER ROLE marquee_reader   IN DATABASE marquee SET search_path = marquee, public;
-- Defaults that a session may raise: no analyst's query holds back vacuum for hours by accident.
ALTER ROLE marquee_reader IN DATABASE marquee SET statement_timeout = '5min';
ALTER ROLE marquee_reader IN DATABASE marquee SET idle_in_transaction_session_timeout = '5min';
ALTER ROLE marquee_reader IN DATABASE marquee SET default_transaction_read_only = on;
