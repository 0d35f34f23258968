/**
 * The history of the schema. `PRAGMA user_version` counts the entries that a database has; each entry runs once, in its
 * own transaction. Entries that were released never change.
 *
 * A job is one row in `jobs`, which is rewritten as it goes on, and one in `payloads`, which is not. Open jobs are all
 * in memory and need no index by anything else than their completion; `jobs_by_creation` answers lists of terminal ones
 * without reading the rows that a filter leaves out.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    completed_at_ms INTEGER,
    snapshot TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX jobs_by_id ON jobs (id);
  CREATE INDEX jobs_by_completion ON jobs (completed_at_ms);
  CREATE INDEX jobs_by_creation ON jobs (created_at_ms, id, workflow, state) WHERE completed_at_ms IS NOT NULL;

  CREATE TABLE payloads (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL
  ) STRICT;

  CREATE TABLE claims (
    key TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX claims_by_expiry ON claims (expires_at_ms);
  `,
]
