/**
 * The history of the schema. `PRAGMA user_version` counts the entries that a database has; each entry runs once.
 * Entries that were released never change.
 *
 * A job is one row in `jobs`, which is rewritten as it goes on, and one in `payloads`, which is not. Open jobs are all
 * in memory and need no index by anything else than their completion. Terminal ones are listed by one of the indexes
 * below, in the order of the list: `jobs_by_creation` for all, `jobs_by_state` and `jobs_by_workflow` for those of one
 * state, or one workflow and state, and `job_tags`, which has rows only for terminal jobs, for those with a tag.
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
  `
  DROP INDEX jobs_by_creation;
  CREATE INDEX jobs_by_creation ON jobs (created_at_ms, id, completed_at_ms) WHERE completed_at_ms IS NOT NULL;
  CREATE INDEX jobs_by_state ON jobs (state, created_at_ms, id, completed_at_ms) WHERE completed_at_ms IS NOT NULL;
  CREATE INDEX jobs_by_workflow ON jobs (workflow, state, created_at_ms, id, completed_at_ms)
    WHERE completed_at_ms IS NOT NULL;

  CREATE TABLE job_tags (
    tag TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    id TEXT NOT NULL,
    workflow TEXT NOT NULL,
    state TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (tag, created_at_ms, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX job_tags_by_job ON job_tags (seq);

  CREATE TABLE job_inputs (
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (name, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX job_inputs_by_job ON job_inputs (seq);
  INSERT OR IGNORE INTO job_inputs (name, seq)
    SELECT json_extract(file.value, '$.name'), payloads.seq
    FROM payloads, json_each(payloads.body, '$.inputFiles') AS file WHERE json_valid(payloads.body);

  CREATE INDEX claims_by_job ON claims (job_id);
  `,
]
