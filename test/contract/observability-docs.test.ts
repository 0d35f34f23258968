import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { createJobLog } from '../../src/observability/job-log.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { makeJob } from '../support/make-job.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'observability.md'), 'utf8')
const blocks = (language: string) =>
  [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, text]) => (name === language && text ? [text] : []))
const alerts = blocks('yaml')
  .join('\n')
  .matchAll(/^ +expr: (?:'(.*)'|(.*))$/gm)
const queries = [...blocks('promql'), ...[...alerts].map(([, quoted, plain]) => quoted ?? plain ?? '')]

const metrics = createMetrics({
  version: '1',
  instances: () => [],
  workflows: () => ({ ready: 0, notReady: 0, unknown: 0 }),
  outputs: () => ({ keptBytes: 0, removedOutputs: 0 }),
  openJobs: () => ({ queued: 0, running: 0, canceling: 0, waiting: 0, oldestWaitingSinceMs: undefined }),
})
metrics.close()
const samples = new Map<string, readonly string[]>()
for (const { name, type, labels } of metrics.descriptions) {
  if (type !== 'histogram') samples.set(name, labels)
  else for (const suffix of ['_bucket', '_sum', '_count']) samples.set(name + suffix, [...labels, 'le'])
}
/** What Prometheus adds to everything. */
const labelsOfScrapes = ['instance', 'job']

const namesIn = (query: string) => query.match(/\b(?:comfyui_api|process|nodejs)_\w+/g) ?? []

function labelsIn(query: string): string[] {
  const matched = [...query.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) =>
    [...inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  )
  const grouped = [...query.matchAll(/\b(?:by|on|without)\s*\(([^)]*)\)/g)].flatMap(([, inner = '']) =>
    inner.split(',').map((label) => label.trim()),
  )
  return [...matched, ...grouped]
}

describe('the queries and alerts of docs/observability.md', () => {
  test('are there', () => {
    expect(blocks('promql').length).toBeGreaterThan(3)
    expect(queries.length).toBeGreaterThan(10)
  })

  test.each(queries)('%s asks for metrics and labels that exist', (query) => {
    const names = namesIn(query)
    expect(names).not.toEqual([])
    for (const name of names) expect([...samples.keys()]).toContain(name)
    const known = [...labelsOfScrapes, ...names.flatMap((name) => samples.get(name) ?? [])]
    for (const label of labelsIn(query)) expect(known).toContain(label)
  })

  test.each(queries)('%s has its brackets in pairs', (query) => {
    for (const [open, close] of ['()', '[]', '{}'])
      expect(query.split(open ?? '').length).toBe(query.split(close ?? '').length)
  })
})

test('every field of the line of a job is explained', () => {
  const lines: string[] = []
  const log = createJobLog(pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) }))
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const times = { createdAtMs: 1, startedAtMs: 2, executedAtMs: 3, completedAtMs: 4 }
  const error = { code: 'execution_error', message: 'boom' } as const
  log(makeJob({ state: 'failed', instance: 'gpu', attempt: 1, times, error, traceparent }), 'running')
  const fields = Object.keys(JSON.parse(lines[0] ?? '{}') as object).filter(
    (name) => name !== 'level' && name !== 'msg',
  )
  const explained = [...page.matchAll(/^\| (`[^|]*`) +\|/gm)].flatMap(([, names = '']) =>
    names.replaceAll('`', '').trim().split(', '),
  )
  expect(fields.length).toBeGreaterThan(10)
  for (const field of fields) expect(explained).toContain(field)
})
