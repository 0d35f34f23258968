/** What the SQLite store says to its database; the tables are in `migrations.ts`. */
export const sql = {
  insertJob: `INSERT INTO jobs (seq, id, workflow, state, created_at_ms, completed_at_ms, snapshot)
    VALUES (?, ?, ?, ?, ?, ?, ?)`,
  insertPayload: 'INSERT INTO payloads (seq, body) VALUES (?, ?)',
  insertClaim: 'INSERT OR REPLACE INTO claims (key, job_id, fingerprint, expires_at_ms) VALUES (?, ?, ?, ?)',
  updateJob: 'UPDATE jobs SET state = ?, completed_at_ms = ?, snapshot = ? WHERE seq = ?',
  selectOpen: `SELECT jobs.seq, jobs.snapshot, payloads.body FROM jobs JOIN payloads ON payloads.seq = jobs.seq
    WHERE jobs.completed_at_ms IS NULL`,
  selectLastSeq: 'SELECT seq FROM jobs ORDER BY seq DESC LIMIT 1',
  selectSeq: 'SELECT seq FROM jobs WHERE id = ?',
  selectJob: 'SELECT snapshot FROM jobs WHERE id = ?',
  selectPayload: 'SELECT body FROM payloads WHERE seq = (SELECT seq FROM jobs WHERE id = ?)',
  selectClaim: 'SELECT job_id, fingerprint, expires_at_ms FROM claims WHERE key = ?',
  selectCompletedBefore: `SELECT seq, id, json_array_length(snapshot, '$.outputs') AS outputCount FROM jobs
    WHERE completed_at_ms < ? ORDER BY completed_at_ms LIMIT ?`,
  insertTag: `INSERT OR REPLACE INTO job_tags (tag, created_at_ms, id, workflow, state, seq) VALUES (?, ?, ?, ?, ?, ?)`,
  insertInput: 'INSERT OR IGNORE INTO job_inputs (name, seq) VALUES (?, ?)',
  selectSnapshot: 'SELECT snapshot FROM jobs WHERE seq = ?',
  selectInput: 'SELECT seq FROM job_inputs WHERE name = ? LIMIT 1',
  selectFirstWorkflow: `SELECT workflow FROM jobs INDEXED BY jobs_by_workflow
    WHERE completed_at_ms IS NOT NULL AND workflow >= ? ORDER BY workflow LIMIT 1`,
  selectNextWorkflow: `SELECT workflow FROM jobs INDEXED BY jobs_by_workflow
    WHERE completed_at_ms IS NOT NULL AND workflow > ? ORDER BY workflow LIMIT 1`,
  deleteJob: 'DELETE FROM jobs WHERE seq = ?',
  deletePayload: 'DELETE FROM payloads WHERE seq = ?',
  deleteTags: 'DELETE FROM job_tags WHERE seq = ?',
  deleteInputs: 'DELETE FROM job_inputs WHERE seq = ?',
  deleteClaims: 'DELETE FROM claims WHERE job_id = ?',
  deleteExpiredClaims: `DELETE FROM claims WHERE key IN
    (SELECT key FROM claims WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)`,
} as const
