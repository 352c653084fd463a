-- Who is logged in to the pages. A login is known by the hash of what its cookie holds, and is worth what its key is.

CREATE TABLE logins (
  hash TEXT PRIMARY KEY,
  key_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL
);
