import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { whileWanted } from './send-converted.ts'

/** As much of a response as matters: whether it is closed, and when. */
function fakeResponse(isClosed = false): ServerResponse {
  const response = Object.assign(new EventEmitter(), { closed: isClosed, req: { socket: { destroyed: isClosed } } })
  return response as unknown as ServerResponse
}

/** Lasts until nobody wants it. */
const untilUnwanted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    const leave = () => reject(signal.reason as Error)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave)
  })

describe('work that somebody waits for', () => {
  test('is done, and leaves no listener', async () => {
    const response = fakeResponse()
    expect(await whileWanted(response, 60_000, async ({ aborted }) => aborted)).toBe(false)
    expect(response.eventNames()).toEqual([])
  })

  test('is told when they go away', async () => {
    const response = fakeResponse()
    const work = whileWanted(response, 60_000, untilUnwanted)
    response.emit('close')
    await expect(work).rejects.toMatchObject({ code: 'client_closed_request' })
    expect(response.eventNames()).toEqual([])
  })

  test('is told when they are gone already', async () => {
    const work = whileWanted(fakeResponse(true), 60_000, untilUnwanted)
    await expect(work).rejects.toMatchObject({ code: 'client_closed_request' })
  })

  test('is given up when it takes too long to begin', async () => {
    const work = whileWanted(fakeResponse(), 1, untilUnwanted)
    await expect(work).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 10 })
  })
})
