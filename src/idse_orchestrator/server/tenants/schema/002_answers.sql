-- What was answered to writes that named themselves (Idempotency-Key): asked again, they get the same answer.
-- `digest` is of the request; `ref` and `commit_id` say what it made, so that a write that is lost is told apart.

CREATE TABLE answers (
  client_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  name TEXT NOT NULL,
  at TEXT NOT NULL,
  digest TEXT NOT NULL,
  ref TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (client_id, key_id, name)
);
