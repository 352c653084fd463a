-- The tables of the projection, for SQLite and PostgreSQL alike: TEXT ids, ISO-8601 UTC, JSON as text, 0 or 1 for
-- no or yes, '' for nothing. Every key begins with the client. Comments stand before what they are about:
-- docs/reference/projection.md is made of them.

-- Clients, as admin.db has them. `id` is the tenant.
CREATE TABLE clients (
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  -- When the client was added.
  created_at TEXT NOT NULL,
  -- When it was archived; '' while it is not.
  archived_at TEXT NOT NULL,
  PRIMARY KEY (id)
);

-- Repositories of clients, as admin.db has them. What was deleted is not here.
CREATE TABLE repositories (
  client_id TEXT NOT NULL,
  -- A UUID that no rename changes; ids of projects and sessions are made of it.
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  -- When it was archived; '' while it is not.
  archived_at TEXT NOT NULL,
  PRIMARY KEY (client_id, id)
);

-- Every published ref, and the commit up to which it stands in these tables.
CREATE TABLE refs (
  client_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  ref TEXT NOT NULL,
  tip TEXT NOT NULL,
  PRIMARY KEY (client_id, repository_id, ref)
);

-- Projects, as their ledgers tell them.
CREATE TABLE projects (
  client_id TEXT NOT NULL,
  -- UUIDv5 of `project/NAME` under the repository's id.
  id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  name TEXT NOT NULL,
  -- What was said at `idse init --stack`.
  stack TEXT NOT NULL,
  tip TEXT NOT NULL,
  -- How many events its ledger holds.
  events BIGINT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  -- The registry of its agents; '' where none was written.
  registry_json TEXT NOT NULL,
  -- The whole state of its ledger.
  state_json TEXT NOT NULL,
  -- Why the project's own rules do not count as they are; '' where they do.
  rules_broken TEXT NOT NULL,
  PRIMARY KEY (client_id, id)
);

-- Sessions, as their ledgers tell them.
CREATE TABLE sessions (
  client_id TEXT NOT NULL,
  -- UUIDv5 of `session/PROJECT/NAME` under the repository's id.
  id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  project_id TEXT NOT NULL,
  project TEXT NOT NULL,
  session_name TEXT NOT NULL,
  -- A second name that people gave it; '' : none.
  alias TEXT NOT NULL,
  type TEXT NOT NULL,
  title TEXT NOT NULL,
  -- active, complete, archived or deleted; or what people set it to.
  status TEXT NOT NULL,
  -- What the engine said last in a clone: unknown, passing or failing.
  validation TEXT NOT NULL,
  owner TEXT NOT NULL,
  -- How its seven stages stand, a letter each: (p)ending, (i)n progress, (c)omplete, c(h)anged, (s)tale, (n)ot needed.
  standing TEXT NOT NULL,
  -- The commit at which its ledger stands: the ETag of the session, and the base of a write.
  tip TEXT NOT NULL,
  events BIGINT NOT NULL,
  -- Findings that block by the rules of this Agency; 0: it passes.
  blocking BIGINT NOT NULL,
  -- Findings that do not.
  warnings BIGINT NOT NULL,
  -- Why the server cannot judge it; '' where it can.
  unreadable TEXT NOT NULL,
  -- What tells the rules by which it was judged from others; the day as well, where a waiver of it ends.
  judged_by TEXT NOT NULL,
  tags_json TEXT NOT NULL,
  parents_json TEXT NOT NULL,
  -- The whole state of its ledger.
  state_json TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (client_id, id)
);
CREATE INDEX sessions_by_date ON sessions (client_id, updated_at, id);
CREATE INDEX sessions_by_project ON sessions (client_id, project_id, updated_at, id);
CREATE INDEX sessions_by_standing ON sessions (client_id, repository_id, project, status, type, standing, blocking,
  unreadable, updated_at, id);

-- Documents of sessions, as they are at the tip.
CREATE TABLE artifacts (
  client_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  -- Below the session's folder, such as `spec.md`.
  path TEXT NOT NULL,
  -- The stage whose document it is; '' for any other file.
  stage TEXT NOT NULL,
  blob_id TEXT NOT NULL,
  bytes BIGINT NOT NULL,
  PRIMARY KEY (client_id, session_id, path)
);
CREATE INDEX artifacts_by_blob ON artifacts (client_id, blob_id);

-- Texts, once for each client. What has more than 256 KiB, is no UTF-8 or holds a NUL is only in git.
CREATE TABLE blobs (
  client_id TEXT NOT NULL,
  blob_id TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (client_id, blob_id)
);

-- Stages of sessions: seven rows each.
CREATE TABLE stages (
  client_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  stage TEXT NOT NULL,
  -- 0 to 6, in the order of the pipeline.
  position BIGINT NOT NULL,
  -- pending, in_progress, complete or not_needed.
  status TEXT NOT NULL,
  -- Of a complete stage: current; changed (its document differs since); or stale (one that it builds on does).
  condition TEXT NOT NULL,
  -- The stages because of which it is stale.
  causes_json TEXT NOT NULL,
  -- When it was moved last, and by whom.
  at TEXT NOT NULL,
  who TEXT NOT NULL,
  -- The blob that was completed; '' before.
  artifact TEXT NOT NULL,
  reopens BIGINT NOT NULL,
  -- The agent that it is assigned to.
  assigned TEXT NOT NULL,
  PRIMARY KEY (client_id, session_id, stage)
);
CREATE INDEX stages_by_session ON stages (client_id, session_id, stage, status, condition, reopens, at);

-- Events of ledgers, those of projects with them.
CREATE TABLE events (
  client_id TEXT NOT NULL,
  -- The id of the session, or of the project.
  ledger_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  -- Of a move: the stage, and start, complete, confirm or reopen.
  stage TEXT NOT NULL,
  action TEXT NOT NULL,
  -- Events of a ledger are ordered by this number, then by their ids.
  lamport BIGINT NOT NULL,
  -- When it happened, as its clone says.
  at TEXT NOT NULL,
  -- When the push came that brought it; '' where that is not known. The only column that is not made of git.
  seen_at TEXT NOT NULL,
  replica TEXT NOT NULL,
  -- The agent that acted; '' : a person did.
  agent TEXT NOT NULL,
  -- Name and e-mail of the git identity.
  who TEXT NOT NULL,
  email TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  -- One line that says what happened.
  subject TEXT NOT NULL,
  -- The rest of the event, as JSON.
  body TEXT NOT NULL,
  PRIMARY KEY (client_id, ledger_id, event_id)
);
CREATE INDEX events_in_order ON events (client_id, ledger_id, lamport, event_id);
CREATE INDEX events_by_kind ON events (client_id, kind, ledger_id, stage, action, lamport, agent, at, seen_at);

-- What the rules of this Agency find in a session at its tip, today.
CREATE TABLE findings (
  client_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  -- In the order of a report, from 0.
  position BIGINT NOT NULL,
  tip TEXT NOT NULL,
  rule TEXT NOT NULL,
  -- error or warning.
  severity TEXT NOT NULL,
  -- 1 where it alone would refuse a push that brings it.
  blocks BIGINT NOT NULL,
  stage TEXT NOT NULL,
  -- Below the session's folder; '' : the session itself.
  path TEXT NOT NULL,
  -- From 1; 0: the whole file.
  line BIGINT NOT NULL,
  message TEXT NOT NULL,
  hint TEXT NOT NULL,
  -- The waiver of it, as JSON; '' : none.
  waiver TEXT NOT NULL,
  -- Why that waiver does not count; '' where it does.
  waiver_ignored TEXT NOT NULL,
  PRIMARY KEY (client_id, session_id, position)
);
CREATE INDEX findings_by_rule ON findings (client_id, rule, session_id);

-- Sync points: pushes and pulls that moved something, as the clones wrote them down.
CREATE TABLE sync_events (
  client_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  -- The clone.
  replica TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  -- push or pull.
  direction TEXT NOT NULL,
  at TEXT NOT NULL,
  -- What moved: ref, old and new of each.
  refs_json TEXT NOT NULL,
  PRIMARY KEY (client_id, repository_id, replica, commit_id)
);
CREATE INDEX sync_events_by_date ON sync_events (client_id, at);

-- Which sessions a sync point is about.
CREATE TABLE sync_sessions (
  client_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  replica TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  PRIMARY KEY (client_id, repository_id, replica, commit_id, session_id)
);
CREATE INDEX sync_sessions_by_session ON sync_sessions (client_id, session_id);

-- A copy of the audit, row by row as admin.db has it; see docs/reference/agency-home.md. Rows are only added.
CREATE TABLE audit (
  -- '' : it concerns the Agency itself.
  client_id TEXT NOT NULL,
  id BIGINT NOT NULL,
  at TEXT NOT NULL,
  key_id TEXT NOT NULL,
  action TEXT NOT NULL,
  repository TEXT NOT NULL,
  outcome TEXT NOT NULL,
  rule TEXT NOT NULL,
  salt TEXT NOT NULL,
  detail TEXT NOT NULL,
  certificate TEXT NOT NULL,
  details_hash TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (client_id, id)
);

-- Sessions with their seven documents as columns, as the first design had them.
CREATE VIEW sessions_wide AS
SELECT s.client_id, s.id, s.project_id, s.project, s.session_name, s.title, s.status, s.owner, s.state_json,
  max(CASE WHEN a.stage = 'intent' THEN b.text END) AS intent_md,
  max(CASE WHEN a.stage = 'context' THEN b.text END) AS context_md,
  max(CASE WHEN a.stage = 'spec' THEN b.text END) AS spec_md,
  max(CASE WHEN a.stage = 'plan' THEN b.text END) AS plan_md,
  max(CASE WHEN a.stage = 'tasks' THEN b.text END) AS tasks_md,
  max(CASE WHEN a.stage = 'implementation' THEN b.text END) AS implementation_md,
  max(CASE WHEN a.stage = 'feedback' THEN b.text END) AS feedback_md,
  s.created_at, s.updated_at
FROM sessions s
LEFT JOIN artifacts a ON a.client_id = s.client_id AND a.session_id = s.id AND a.stage <> ''
LEFT JOIN blobs b ON b.client_id = a.client_id AND b.blob_id = a.blob_id
GROUP BY s.client_id, s.id, s.project_id, s.project, s.session_name, s.title, s.status, s.owner, s.state_json,
  s.created_at, s.updated_at;

-- Sync points by session, with the columns of the first design.
CREATE VIEW sync_events_by_session AS
SELECT e.client_id, e.commit_id AS id, x.session_id, e.direction, e.at AS timestamp, e.refs_json AS artifacts_synced
FROM sync_sessions x
JOIN sync_events e ON e.client_id = x.client_id AND e.repository_id = x.repository_id AND e.replica = x.replica
  AND e.commit_id = x.commit_id;

-- What these tables were made by: where another version stands, all of them are made anew. It tells of no client.
CREATE TABLE projection (
  version TEXT NOT NULL,
  PRIMARY KEY (version)
);
