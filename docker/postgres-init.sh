#!/bin/bash
# Runs once, when the database's volume is empty: gives a plain PostgreSQL what a Supabase project has before its
# first migration. Passwords come from the environment and are quoted by psql, never pasted into SQL by the shell.
set -euo pipefail

psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set authenticator_password="$AUTHENTICATOR_PASSWORD" <<'SQL'
begin;

create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
-- Owner of nothing: what each role may do is what the migrations grant.
create role authenticator login noinherit password :'authenticator_password';
grant anon, authenticated, service_role to authenticator;
-- Below the client's own deadline, so that the server gives up first and the outcome is known.
alter role authenticator set statement_timeout = '10s';
alter role authenticator set lock_timeout = '5s';
alter role authenticator set idle_in_transaction_session_timeout = '30s';

create schema auth;
create function auth.jwt() returns jsonb language sql stable set search_path = ''
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
create function auth.uid() returns uuid language sql stable set search_path = ''
  as $$ select (auth.jwt() ->> 'sub')::uuid $$;
create function auth.role() returns text language sql stable set search_path = ''
  as $$ select auth.jwt() ->> 'role' $$;

revoke all on schema public from public;
grant usage on schema public, auth to anon, authenticated, service_role;

commit;
SQL
