-- What PostgreSQL has beside the tables: whose rows a role sees. {schema} is a schema that is just being made.

-- The client of this transaction: said by the server, or by the claims of a token (PostgREST, Supabase).
-- '' counts as nothing: that is what a finished SET LOCAL leaves behind.
CREATE FUNCTION idse_client() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT coalesce(
    nullif(current_setting('app.current_client_id', true), ''),
    nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'client_id', '')
  )
$$;

REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
GRANT USAGE ON SCHEMA {schema} TO idse_app, idse_admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO idse_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO idse_app;
GRANT INSERT, UPDATE, DELETE ON refs, projects, sessions, artifacts, blobs, stages, events, findings,
  sync_events, sync_sessions TO idse_app;
GRANT INSERT ON audit TO idse_app;
