-- What no git repository holds. Plain SQL that SQLite and PostgreSQL both take: TEXT ids, ISO-8601 UTC, JSON as text.
-- Keys begin with client_id, unique ones too: else they would tell whether a name exists elsewhere.

CREATE TABLE clients (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  archived_at TEXT,
  deleted_at TEXT,
  max_bytes BIGINT NOT NULL DEFAULT 0,
  max_repositories BIGINT NOT NULL DEFAULT 0
);

-- Every name that a client ever had. A name is given once: what is renamed answers under all of them.
CREATE TABLE client_names (
  name TEXT PRIMARY KEY,
  client_id TEXT NOT NULL REFERENCES clients (id)
);

CREATE TABLE repositories (
  client_id TEXT NOT NULL REFERENCES clients (id),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at TEXT NOT NULL,
  archived_at TEXT,
  deleted_at TEXT,
  bytes BIGINT NOT NULL DEFAULT 0,
  pushed_at TEXT,
  PRIMARY KEY (client_id, id),
  UNIQUE (client_id, name)
);

CREATE TABLE repository_names (
  client_id TEXT NOT NULL,
  name TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  PRIMARY KEY (client_id, name),
  FOREIGN KEY (client_id, repository_id) REFERENCES repositories (client_id, id)
);

-- client_id is '' for a key of an operator. A key is known by its hash alone, before its client is.
CREATE TABLE api_keys (
  client_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  prefix TEXT NOT NULL,
  scopes TEXT NOT NULL,
  emails TEXT NOT NULL,
  role TEXT NOT NULL,
  agent TEXT NOT NULL,
  repositories TEXT NOT NULL,
  projects TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  last_used_at TEXT,
  replaced_by TEXT,
  PRIMARY KEY (client_id, id)
);

-- One chain for each client ('' : the Agency itself); `id` counts from 1 in each. `salt`, `detail` and
-- `certificate` enter the chain by `details_hash` alone, so that they can be taken out when a repository is.
CREATE TABLE audit (
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

CREATE TABLE audit_heads (
  client_id TEXT PRIMARY KEY,
  id BIGINT NOT NULL,
  hash TEXT NOT NULL
);
