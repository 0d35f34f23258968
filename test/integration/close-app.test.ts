import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { closeApp } from '../../src/http/close-app.ts'
import { startTestApp } from '../support/start-test-app.ts'

test('a request that never arrives whole is cut when the time for closing is over', async () => {
  await using running = await startTestApp()
  const { app, port } = running
  const client = connect(port, '127.0.0.1')
  const arrived = once(app.server, 'request')
  client.write('POST /tools/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{')
  await arrived
  const hungUp = once(client, 'close')
  client.resume()

  let cuts = 0
  await closeApp(app, { timeoutMs: 100, onCut: () => void (cuts += 1) })

  await hungUp
  expect(cuts).toBe(1)
})

test('without such a request nothing is cut', async () => {
  await using running = await startTestApp()
  const { app, port } = running
  const idle = request({ port, host: '127.0.0.1', path: '/health' }).end()
  await once(idle, 'response')

  let cuts = 0
  await closeApp(app, { timeoutMs: 60_000, onCut: () => void (cuts += 1) })

  expect(cuts).toBe(0)
})
