import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { migrations } from './migrations.ts'

/** A row as SQLite gives it, not yet parsed. */
export type Row = Record<string, SQLOutputValue>

/** The database file of a job store, opened, locked and up to date. */
export interface JobDatabase {
  /** The statement, compiled once. */
  prepare(sql: string): StatementSync
  /** Runs `work` as one transaction that is on disk when the call returns. @throws what SQLite or `work` throws, after undoing everything */
  transaction(work: () => void): void
  /** @throws GatewayError `storage_unavailable` */
  all(sql: string, ...values: SQLInputValue[]): Row[]
  /** @throws GatewayError `storage_unavailable` */
  find(sql: string, ...values: SQLInputValue[]): Row | undefined
  close(): void
}

/**
 * Opens the file, making it and its folder where they are missing, and locks it for this process until `close`.
 * @throws GatewayError `storage_unavailable` when the file cannot be used; the detail says why and what to do
 */
export function openJobDatabase(file: string): JobDatabase {
  const connection = connect(file)
  const statements = new Map<string, StatementSync>()

  function prepare(sql: string): StatementSync {
    let statement = statements.get(sql)
    if (statement === undefined) {
      statement = connection.prepare(sql)
      statements.set(sql, statement)
    }
    return statement
  }

  function transaction(work: () => void): void {
    runTransaction(connection, prepare, work)
  }

  function read<Result>(query: () => Result): Result {
    try {
      return query()
    } catch (cause) {
      throw storageError('The stored jobs cannot be read.', cause)
    }
  }

  return {
    prepare,
    transaction,
    all: (sql, ...values) => read(() => prepare(sql).all(...values)),
    find: (sql, ...values) => read(() => prepare(sql).get(...values)),
    close: () => {
      statements.clear()
      if (connection.isOpen) connection.close()
    },
  }
}

export function storageError(detail: string, cause: unknown): GatewayError {
  const reason = cause instanceof Error ? ` (${cause.message})` : ''
  return new GatewayError('storage_unavailable', { detail: `${detail}${reason}`, cause })
}

function connect(file: string): DatabaseSync {
  let connection: DatabaseSync | undefined
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    // Prompts are nobody else's business; SQLite gives the files beside this one the same rights.
    closeSync(openSync(file, 'a', 0o600))
    connection = new DatabaseSync(file, { timeout: 0 })
    connection.exec(`PRAGMA page_size = ${pageBytes}`)
    connection.exec('PRAGMA locking_mode = EXCLUSIVE')
    connection.exec('PRAGMA journal_mode = WAL')
    connection.exec('PRAGMA synchronous = FULL')
    connection.exec(`PRAGMA wal_autocheckpoint = ${walPages}`)
    connection.exec(`PRAGMA journal_size_limit = ${walPages * pageBytes}`)
    connection.exec(`PRAGMA cache_size = -${cacheKib}`)
    migrate(connection)
    return connection
  } catch (cause) {
    if (connection?.isOpen === true) connection.close()
    if (cause instanceof GatewayError) throw cause
    throw explainOpenError(file, cause)
  }
}

const pageBytes = 8192
/** The write-ahead log is carried over into the database when it has this many pages. */
const walPages = 1000
const cacheKib = 8192

function migrate(connection: DatabaseSync): void {
  const prepare = (sql: string): StatementSync => connection.prepare(sql)
  const version = z.object({ user_version: z.int() }).parse(prepare('PRAGMA user_version').get()).user_version
  if (version > migrations.length) {
    throw new GatewayError('storage_unavailable', {
      detail:
        `The job database was written by a newer version of this program (schema ${version}, known up to ` +
        `${migrations.length}). Install that version again, or start with another data directory.`,
    })
  }
  const statements = [...migrations.slice(version), `PRAGMA user_version = ${migrations.length}`]
  // Takes the lock of a database that is up to date, too.
  runTransaction(connection, prepare, () => connection.exec(statements.join(';\n')))
}

function runTransaction(connection: DatabaseSync, prepare: (sql: string) => StatementSync, work: () => void): void {
  prepare('BEGIN IMMEDIATE').run()
  try {
    work()
    prepare('COMMIT').run()
  } catch (error) {
    // SQLite has rolled back by itself after some errors.
    if (connection.isOpen && connection.isTransaction) prepare('ROLLBACK').run()
    throw error
  }
}

/** Primary result codes, https://sqlite.org/rescode.html */
const sqliteBusy = 5
const sqliteCorrupt = 11
const sqliteNotADatabase = 26

function explainOpenError(file: string, cause: unknown): GatewayError {
  const directory = dirname(file)
  switch (primaryCode(cause)) {
    case sqliteBusy:
      return new GatewayError('storage_unavailable', {
        detail:
          `The data directory ${directory} is in use by another process. ` +
          'Stop that one, or start this one with another data directory.',
        cause,
      })
    case sqliteCorrupt:
    case sqliteNotADatabase:
      return storageError(
        `${file} is damaged or is no job database. Put a backup in its place, or move it away.`,
        cause,
      )
    default:
      return storageError(`The job database cannot be opened in ${directory}. Is the directory writable?`, cause)
  }
}

function primaryCode(error: unknown): number | undefined {
  const parsed = z.object({ errcode: z.int() }).safeParse(error)
  return parsed.success ? parsed.data.errcode & 0xff : undefined
}
