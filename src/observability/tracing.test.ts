import { afterEach, expect, test, vi } from 'vitest'
import { createLogger } from './logger.ts'
import { createTracing, type TracingOptions } from './tracing.ts'

afterEach(() => {
  vi.doUnmock('@opentelemetry/resources')
  vi.resetModules()
})

function capture() {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  return { lines, logger: createLogger({ level: 'info', format: 'json', isTerminal: false, stream }) }
}

const request = { requestId: 'r1', method: 'GET', route: '/jobs', path: '/jobs' }
const kept = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

// Only what is not kept: there is no collector that could take it.
test.each<[TracingOptions['sampler'], string | undefined]>([
  [{ root: 'always_off', ratio: 0, followsParent: true }, undefined],
  [{ root: 'always_off', ratio: 0, followsParent: false }, kept],
  [{ root: 'ratio', ratio: 0, followsParent: true }, undefined],
  [{ root: 'ratio', ratio: 0, followsParent: false }, kept],
  [{ root: 'always_on', ratio: 1, followsParent: true }, kept.replace(/1$/, '0')],
])('with the sampler %j a request below %s is not kept', async (sampler, parent) => {
  const { lines, logger } = capture()
  const tracing = await createTracing({ version: '1.2.3', sampler, logger })
  const span = tracing?.beginRequest({ ...request, parent })
  expect(span?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
  span?.end({ status: 200 })
  await tracing?.close()
  expect(lines).toEqual([])
})

test('where the packages are not installed, that is said and all goes on without spans', async () => {
  vi.doMock('@opentelemetry/resources', () => {
    throw new Error('Cannot find package')
  })
  const { lines, logger } = capture()
  const sampler = { root: 'always_on', ratio: 1, followsParent: true } as const
  expect(await createTracing({ version: '1.2.3', sampler, logger })).toBeUndefined()
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('the packages of OpenTelemetry cannot be loaded')
})
