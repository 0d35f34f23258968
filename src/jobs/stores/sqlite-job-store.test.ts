import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeJobStore } from '../../../test/contract/job-store-contract.ts'
import { completeJob, makeJob, makePayload, makeStored } from '../../../test/support/make-job.ts'
import { isTerminal, type Job } from '../job.ts'
import type { JobQuery, JobStore } from '../job-store.ts'
import { type JobDatabase, openJobDatabase } from './job-database.ts'
import { migrations } from './migrations.ts'
import { createSqliteJobStore } from './sqlite-job-store.ts'
import { terminalSearches } from './terminal-searches.ts'

describeJobStore('sqlite job store', () => {
  const parent = mkdtempSync(join(tmpdir(), 'job-store-'))
  const files = new Map<JobStore, { file: string; now: () => number }>()
  let count = 0
  const track = (file: string, now: () => number): JobStore => {
    const store = createSqliteJobStore({ file, now, recentJobs: 2 })
    files.set(store, { file, now })
    return store
  }
  return {
    open: (now = () => 0) => track(join(parent, String((count += 1)), 'jobs.db'), now),
    reopen: async (store) => {
      const opened = files.get(store)
      if (opened === undefined) throw new Error('not opened here')
      await store.close()
      return track(opened.file, opened.now)
    },
    dispose: async () => {
      for (const store of files.keys()) await store.close()
      files.clear()
      rmSync(parent, { recursive: true, force: true })
    },
  }
})

describe('sqlite job store on disk', () => {
  let directory: string
  let file: string
  const stores: JobStore[] = []

  const open = (options: { retryMs?: number } = {}): JobStore => {
    const store = createSqliteJobStore({ file, now: () => 0, ...options })
    stores.push(store)
    return store
  }

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'job-store-'))
    file = join(directory, 'data', 'jobs.db')
  })
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.close().catch(() => {})
    rmSync(directory, { recursive: true, force: true })
  })

  test('keeps a job whose parameters are nothing for JSON, without them', async () => {
    const circle: Record<string, unknown> = {}
    circle['itself'] = circle
    const orders = [{ seed: 2n ** 64n }, circle].map((input) => ({ job: makeJob(), payload: makePayload({ input }) }))
    const store = open()
    for (const order of orders) await store.create(order)
    await store.close()
    const later = open()
    for (const { job, payload } of orders) expect(later.getPayload(job.id)).toEqual({ ...payload, input: null })
  })

  /** Looks into a file that no store has open. */
  function inspect<Result>(look: (database: DatabaseSync) => Result): Result {
    const database = new DatabaseSync(file)
    try {
      return look(database)
    } finally {
      database.close()
    }
  }

  test('makes the folder and the schema, once', async () => {
    await open().close()
    await open().close()
    expect(inspect((database) => database.prepare('PRAGMA user_version').get())).toEqual({
      user_version: migrations.length,
    })
    expect(inspect((database) => database.prepare('PRAGMA journal_mode').get())).toEqual({ journal_mode: 'wal' })
  })

  test.skipIf(process.platform === 'win32')('keeps prompts from other users of the machine', async () => {
    const store = open()
    await store.create(makeStored())
    const modes = readdirSync(dirname(file)).map((name) => statSync(join(dirname(file), name)).mode & 0o077)
    expect(modes.length).toBeGreaterThan(1)
    expect(new Set(modes)).toEqual(new Set([0]))
  })

  test('takes an empty file for a new database', async () => {
    file = join(directory, 'jobs.db')
    writeFileSync(file, '')
    const store = open()
    await store.create(makeStored())
    await store.close()
    expect(open().listOpen()).toHaveLength(1)
  })

  test('stays sound: integrity_check finds nothing after jobs came and went', async () => {
    const store = open()
    for (let round = 0; round < 5; round += 1) {
      const jobs = Array.from({ length: 40 }, () => makeJob())
      await Promise.all(jobs.map((job) => store.create({ job, payload: makePayload({ input: 'x'.repeat(20_000) }) })))
      await Promise.all(jobs.slice(5).map((job, index) => store.update(completeJob(job, 'succeeded', index))))
      store.deleteCompletedBefore(20, 15)
    }
    await store.close()
    expect(inspect((database) => database.prepare('PRAGMA integrity_check').all())).toEqual([{ integrity_check: 'ok' }])
    const count = (table: string): unknown =>
      inspect((database) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get())
    expect(count('jobs')).toEqual({ n: 5 * 40 - 5 * 15 })
    expect(count('payloads')).toEqual(count('jobs'))
  })

  test('refuses a second opener and names the directory', async () => {
    const store = open()
    expect(() => open()).toThrow(
      expect.objectContaining({
        code: 'storage_unavailable',
        detail: expect.stringContaining(join(directory, 'data')),
      }),
    )
    expect(() => open()).toThrow(/in use by another process/)
    await store.close()
    expect(open().listOpen()).toEqual([])
  })

  test('refuses a second opener of another process', () => {
    open()
    const script = `
      import { createSqliteJobStore } from ${JSON.stringify(join(import.meta.dirname, 'sqlite-job-store.ts'))}
      try { createSqliteJobStore({ file: process.argv[1] }) } catch (error) { process.stdout.write(error.code + ' ' + error.detail) }`
    const output = execFileSync(process.execPath, ['--input-type=module-typescript', '-e', script, file], {
      encoding: 'utf8',
    })
    expect(output).toMatch(/^storage_unavailable The data directory .* is in use by another process/)
  })

  test('does not touch a file that is no database, or one of a newer version', async () => {
    file = join(directory, 'jobs.db')
    writeFileSync(
      file,
      'these are the notes of somebody, and they are longer than a hundred bytes, the size of a header. '.repeat(9),
    )
    const { size } = statSync(file)
    expect(() => open()).toThrow(/damaged or is no job database/)
    expect(statSync(file).size).toBe(size)
    rmSync(file)
    await open().close()
    inspect((database) => database.exec('PRAGMA user_version = 99'))
    expect(() => open()).toThrow(/newer version/)
  })

  test('says what is wrong when the directory cannot be made', () => {
    writeFileSync(join(directory, 'data'), 'a file where the folder should be')
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'storage_unavailable', detail: expect.stringContaining('data') }),
    )
  })

  test('names the job file when a row in it is no job', async () => {
    const store = open()
    await store.create(makeStored())
    await store.close()
    inspect((database) => database.exec(`UPDATE jobs SET snapshot = '{"id": 3}'`))
    expect(() => open()).toThrow(
      expect.objectContaining({ code: 'storage_unavailable', detail: expect.stringContaining(file) }),
    )
  })

  test('reads rows with codes and kinds of another version as the general ones', async () => {
    const store = open()
    const { job, payload } = makeStored()
    await store.create({ job, payload })
    await store.update(completeJob(job, 'failed', 5))
    await store.close()
    inspect((database) =>
      database.exec(
        `UPDATE jobs SET snapshot = replace(replace(snapshot, '"execution_error"', '"of_tomorrow"'), '"image"', '"hologram"')`,
      ),
    )
    expect(open().get(job.id)).toMatchObject({
      error: { code: 'internal_error' },
      outputs: [{ kind: 'file' }, { kind: 'text' }],
    })
  })

  test('takes over the jobs of a file that the first schema wrote', async () => {
    const job = { ...makeJob(), tags: undefined }
    const ended = { ...completeJob(makeJob({ workflow: 'b/c' }), 'failed', 5), tags: undefined }
    const inputFiles = [{ name: 'comfyui-api/ab.png', sha256: 'ab', contentType: 'image/png', sizeBytes: 3 }]
    const payload = makePayload({ inputFiles })
    mkdirSync(join(directory, 'data'))
    inspect((database) => {
      database.exec(`${migrations[0] ?? ''}; PRAGMA user_version = 1`)
      const insertJob = database.prepare('INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)')
      const insertPayload = database.prepare('INSERT INTO payloads VALUES (?, ?)')
      for (const [index, { id, workflow, state, times, ...rest }] of [job, ended].entries()) {
        const snapshot = JSON.stringify({ id, workflow, state, times, ...rest })
        insertJob.run(index + 1, id, workflow, state, times.createdAtMs, times.completedAtMs ?? null, snapshot)
        insertPayload.run(index + 1, JSON.stringify(payload))
      }
      database.prepare('INSERT INTO claims VALUES (?, ?, ?, ?)').run('key', ended.id, 'f', 99)
    })
    const store = open()
    expect(store.listOpen()).toEqual([{ job: { ...job, tags: [] }, payload }])
    expect(store.list({ limit: 10, workflowPrefix: 'b/' })).toEqual([{ ...ended, tags: [] }])
    expect(store.findClaim('key')).toEqual({ jobId: ended.id, fingerprint: 'f' })
    expect(store.usesInput('comfyui-api/ab.png')).toBe(true)
    await store.delete(ended.id)
    await store.delete(job.id)
    expect([store.findClaim('key'), store.usesInput('comfyui-api/ab.png')]).toEqual([undefined, false])
  })

  describe('of many terminal jobs', () => {
    const after = { createdAtMs: 5, id: 'a' }
    const queries: [name: string, query: Omit<JobQuery, 'limit'>][] = [
      ['after a cursor', { after }],
      ['in a time', { createdAfterMs: 2, createdBeforeMs: 4 }],
      ['in some states', { states: ['failed', 'expired'] }],
      ['in some states, after a cursor', { states: ['failed', 'canceled'], after }],
      ['of a workflow', { workflow: 'a/b' }],
      ['of a workflow, after a cursor, in a time', { workflow: 'a/b', after, createdAfterMs: 2, createdBeforeMs: 7 }],
      ['of a workflow in a state', { workflow: 'a/b', states: ['failed'] }],
      ['of the workflows of a folder', { workflowPrefix: 'a/' }],
      ['with a tag', { tags: ['a'] }],
      ['with several tags, after a cursor', { tags: ['a', 'b', 'c'], after }],
      ['with a tag, of a folder, in a state', { tags: ['a'], workflowPrefix: 'a/', states: ['failed'], after }],
    ]
    test.each(queries)('lists those %s by an index, in its order', async (_name, query) => {
      const searches = terminalSearches({ ...query, limit: 10 }, () => ['a/b', 'a/c'])
      await open().close()
      inspect((database) => {
        for (const { text, values } of searches) {
          const plan = database.prepare(`EXPLAIN QUERY PLAN ${text}`).all(...values)
          const steps = plan.map((step) => String(step['detail']))
          expect(steps.filter((step) => /SCAN|TEMP/.test(step))).toEqual([])
          expect(steps[0]).toMatch(/^SEARCH (jobs|one) USING (COVERING INDEX|PRIMARY KEY)/)
        }
      })
      expect(searches.length).toBeGreaterThan(0)
    })

    test('lists the newest of all without looking at others', async () => {
      const [search, ...others] = terminalSearches({ limit: 10 }, () => [])
      await open().close()
      const plan = inspect((database) =>
        database.prepare(`EXPLAIN QUERY PLAN ${search?.text ?? ''}`).all(...(search?.values ?? [])),
      )
      expect(plan.map((step) => step['detail'])).toEqual(['SCAN jobs USING COVERING INDEX jobs_by_creation'])
      expect(others).toEqual([])
    })
  })

  test('commits what is pending when it is closed', async () => {
    const store = open()
    const stored = makeStored()
    const created = store.create(stored)
    await store.close()
    expect(await created).toEqual({ kind: 'created' })
    expect(open().get(stored.job.id)).toEqual(stored.job)
  })

  test('has everything that was resolved, and nothing by half, after a kill at any moment', () => {
    const here = (path: string): string => JSON.stringify(join(import.meta.dirname, path))
    const child = join(directory, 'child.ts')
    writeFileSync(
      child,
      `import { writeSync } from 'node:fs'
      import { createSqliteJobStore } from ${here('sqlite-job-store.ts')}
      import { completeJob, makeJob, makePayload } from ${here('../../../test/support/make-job.ts')}
      const store = createSqliteJobStore({ file: process.argv[2] })
      let steps = 0
      const step = (line) => {
        writeSync(1, line + '\\n')
        if ((steps += 1) === Number(process.argv[3])) process.kill(process.pid, 'SIGKILL')
      }
      const worker = async () => {
        for (;;) {
          const job = makeJob()
          step('begun ' + job.id)
          await store.create({ job, payload: makePayload({ input: job.id }) })
          step('queued ' + job.id)
          await store.update({ ...job, state: 'running' })
          step('running ' + job.id)
          await store.update(completeJob(job, 'succeeded', 5))
          step('succeeded ' + job.id)
        }
      }
      await Promise.all(Array.from({ length: 8 }, worker))`,
    )
    const reached = new Map<string, string>()
    for (const kills of fc.sample(fc.integer({ min: 1, max: 400 }), 4)) {
      const { stdout, signal } = spawnSync(process.execPath, [child, file, String(kills)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      expect(signal).toBe('SIGKILL')
      for (const [, state, id] of stdout.matchAll(/^(\w+) ([\w-]{36})$/gm)) reached.set(String(id), String(state))
    }
    const order = ['begun', 'queued', 'running', 'succeeded']
    const store = open()
    const found = new Map(store.list({ limit: reached.size + 1 }).map((job) => [job.id, job]))
    for (const [id, state] of reached) {
      const job = found.get(id)
      expect(order.indexOf(job?.state ?? 'begun')).toBeGreaterThanOrEqual(order.indexOf(state))
      expect(job === undefined || store.getPayload(id)?.input === id).toBe(true)
    }
    expect([...found.keys()].filter((id) => !reached.has(id))).toEqual([])
    expect(store.listOpen()).toHaveLength([...found.values()].filter((job) => !isTerminal(job.state)).length)
  })

  describe('when the disk fails', () => {
    interface Disk {
      readonly store: JobStore
      /** No page more than there are now fits. */
      fill(): void
      free(): void
      /** Resolves after the next commit that worked. */
      committed(): Promise<void>
    }

    function openOnSmallDisk(retryMs: number): Disk {
      let database: JobDatabase | undefined
      let notify: (() => void) | undefined
      const store = createSqliteJobStore({
        file,
        now: () => 0,
        retryMs,
        openDatabase: (path) => {
          const opened = openJobDatabase(path)
          database = opened
          return {
            ...opened,
            transaction: (work) => {
              opened.transaction(work)
              notify?.()
            },
          }
        },
      })
      stores.push(store)
      const limitPages = (pages: number): void => {
        database?.find(`PRAGMA max_page_count = ${pages}`)
      }
      return {
        store,
        fill: () => limitPages(1),
        free: () => limitPages(1_000_000),
        committed: () => new Promise((resolve) => (notify = resolve)),
      }
    }

    const large = 'x'.repeat(100_000)
    const never = 1_000_000

    test('refuses a new job and forgets it, and accepts jobs again when there is room', async () => {
      const disk = openOnSmallDisk(never)
      const before = makeStored()
      await disk.store.create(before)
      disk.fill()
      const refused = { job: makeJob(), payload: makePayload({ input: large }) }
      const claim = { key: 'key', fingerprint: 'f', expiresAtMs: 1 }
      const [first, repeated, small] = await Promise.allSettled([
        disk.store.create(refused, claim),
        disk.store.create(makeStored(), claim),
        disk.store.create(makeStored()),
      ])
      for (const result of [first, repeated, small]) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { code: 'storage_unavailable', detail: expect.not.stringContaining(directory) },
        })
      }
      expect(disk.store.get(refused.job.id)).toBeUndefined()
      expect(disk.store.list({ limit: 10 })).toEqual([before.job])
      disk.free()
      expect(await disk.store.create(refused, claim)).toEqual({ kind: 'created' })
      await disk.store.close()
      expect(open().list({ limit: 10 })).toHaveLength(2)
    })

    test('keeps a result that could not be written, and writes it with the next group', async () => {
      const disk = openOnSmallDisk(never)
      const { job, payload } = makeStored()
      await disk.store.create({ job, payload })
      disk.fill()
      const done: Job = { ...completeJob(job, 'succeeded', 5), warnings: [large] }
      await expect(disk.store.update(done)).rejects.toMatchObject({ code: 'storage_unavailable' })
      expect(disk.store.get(job.id)).toEqual(done)
      expect(disk.store.list({ states: ['succeeded'], limit: 10 })).toEqual([done])
      expect(disk.store.listOpen()).toEqual([])
      disk.free()
      await disk.store.create(makeStored())
      await disk.store.close()
      expect(open().get(job.id)).toEqual(done)
    })

    test('lets the caller try to end a job again until it works', async () => {
      const disk = openOnSmallDisk(never)
      const { job, payload } = makeStored()
      await disk.store.create({ job, payload })
      disk.fill()
      const done: Job = { ...completeJob(job, 'succeeded', 5), warnings: [large] }
      await expect(disk.store.update(done)).rejects.toMatchObject({ code: 'storage_unavailable' })
      await expect(disk.store.update(done)).rejects.toMatchObject({ code: 'storage_unavailable' })
      disk.free()
      await disk.store.update(done)
      await disk.store.update(done)
      await disk.store.close()
      expect(open().get(job.id)).toEqual(done)
    })

    test('tries again by itself until a result is written', async () => {
      const disk = openOnSmallDisk(1)
      const { job, payload } = makeStored()
      await disk.store.create({ job, payload })
      disk.fill()
      const done: Job = { ...completeJob(job, 'succeeded', 5), warnings: [large] }
      await expect(disk.store.update(done)).rejects.toMatchObject({ code: 'storage_unavailable' })
      const committed = disk.committed()
      disk.free()
      await committed
      await disk.store.close()
      expect(inspect((database) => database.prepare('SELECT state FROM jobs').get())).toEqual({ state: 'succeeded' })
    })

    test('says when it closes that a result could not be written, and releases the file', async () => {
      const disk = openOnSmallDisk(never)
      const { job, payload } = makeStored()
      await disk.store.create({ job, payload })
      disk.fill()
      const update = disk.store.update({ ...completeJob(job, 'succeeded', 5), warnings: [large] })
      await expect(update).rejects.toMatchObject({ code: 'storage_unavailable' })
      await expect(disk.store.close()).rejects.toMatchObject({ code: 'storage_unavailable' })
      expect(open().get(job.id)).toEqual(job)
    })

    test('answers reads with storage_unavailable once the file is gone from under it', async () => {
      let database: JobDatabase | undefined
      const store = createSqliteJobStore({ file, openDatabase: (path) => (database = openJobDatabase(path)) })
      const stored = makeStored()
      await store.create(stored)
      database?.close()
      expect(store.get(stored.job.id)).toEqual(stored.job)
      expect(() => store.get(randomUUID())).toThrow(expect.objectContaining({ code: 'storage_unavailable' }))
      expect(() => store.list({ limit: 1 })).toThrow(expect.objectContaining({ code: 'storage_unavailable' }))
      expect(() => store.deleteCompletedBefore(5, 5)).toThrow(expect.objectContaining({ code: 'storage_unavailable' }))
      await expect(store.update({ ...stored.job, state: 'running' })).rejects.toMatchObject({
        code: 'storage_unavailable',
      })
    })
  })
})
