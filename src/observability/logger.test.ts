import { describe, expect, test } from 'vitest'
import { chooseLogFormat, createLogger, type LoggerOptions } from './logger.ts'

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const logger = createLogger({ level: 'info', format: 'json', isTerminal: false, stream, ...options })
  return { logger, lines }
}

describe('secrets', () => {
  const canary = 'canary-8f2c'

  test.each([
    { authorization: `Bearer ${canary}` },
    { headers: { authorization: canary, 'x-api-key': canary, cookie: canary, 'set-cookie': [canary] } },
    { req: { headers: { 'x-api-key': canary, 'proxy-authorization': canary } } },
    { request: { options: { headers: { authorization: canary, cookie: canary } } } },
    { security: { apiKeys: [canary] }, credentials: { password: canary, token: canary, secret: canary } },
    { apiKey: canary, api_key: canary },
  ])('are masked in %j', (fields) => {
    const { logger, lines } = capture()
    logger.info(fields, 'message')
    logger.child(fields).warn('message')
    expect(lines).toHaveLength(2)
    expect(lines.join()).not.toContain(canary)
    expect(lines[0]).toContain('***')
  })

  test('are masked in the pretty format too', () => {
    const { logger, lines } = capture({ format: 'pretty' })
    logger.info({ headers: { 'x-api-key': canary } }, 'message')
    expect(lines.join()).toContain('message')
    expect(lines.join()).not.toContain(canary)
  })

  test('are the only thing that is masked', () => {
    const { logger, lines } = capture()
    logger.info({ jobId: 'j1', headers: { accept: 'image/png' } }, 'message')
    expect(lines[0]).toContain('"jobId":"j1"')
    expect(lines[0]).toContain('image/png')
  })
})

test('a json line has a readable level, an ISO time and the message', () => {
  const { logger, lines } = capture()
  logger.warn({ instance: 'a' }, 'instance lost')
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    instance: 'a',
    msg: 'instance lost',
  })
})

test('lines below the level are not written', () => {
  const { logger, lines } = capture({ level: 'warn' })
  logger.info('quiet')
  logger.error('loud')
  expect(lines).toHaveLength(1)
})

test.each([
  ['auto', true, 'pretty'],
  ['auto', false, 'json'],
  ['json', true, 'json'],
  ['pretty', false, 'pretty'],
] as const)('format %s with terminal %s is %s', (format, isTerminal, expected) => {
  expect(chooseLogFormat({ format, isTerminal })).toBe(expected)
})
