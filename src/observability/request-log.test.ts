import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'
import { createRequestLog } from './request-log.ts'

function logAt(level: string) {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  return { lines, log: createRequestLog(createLogger({ level, format: 'json', isTerminal: false, stream })) }
}

test('a request makes one line at debug', () => {
  const { lines, log } = logAt('debug')
  log?.({ requestId: 'r1', method: 'GET', path: '/health', status: 200 })
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { level: 'debug', requestId: 'r1', method: 'GET', path: '/health', status: 200, msg: 'request answered' },
  ])
})

test.each(['info', 'warn', 'silent'])('at %s there is nothing that could be called', (level) => {
  expect(logAt(level).log).toBeUndefined()
})
