import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { watchPace } from './body-pace.ts'

const periodMs = 10_000
const enough = 10 * 16 * 1024

class FakeStream extends EventEmitter {
  readonly socket = { bytesRead: 500 }
}

describe('a body', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  function watch() {
    const stream = new FakeStream()
    const answer = new EventEmitter()
    const refuse = vi.fn()
    watchPace(stream as never, answer as never, { periodMs, refuse })
    return { stream, answer, refuse }
  }

  test('may take as long as it likes while enough of it comes', () => {
    const { stream, refuse } = watch()
    for (let period = 0; period < 1000; period++) {
      stream.socket.bytesRead += enough
      vi.advanceTimersByTime(periodMs)
    }
    expect(refuse).not.toHaveBeenCalled()
    stream.emit('end')
    expect(vi.getTimerCount()).toBe(0)
  })

  test('of which too little comes in any period is refused once', () => {
    const { stream, refuse } = watch()
    stream.socket.bytesRead += 100 * enough
    vi.advanceTimersByTime(periodMs)
    stream.socket.bytesRead += enough - 1
    vi.advanceTimersByTime(periodMs - 1)
    expect(refuse).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(refuse).toHaveBeenCalledOnce()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('of which nothing comes is refused, whatever came on the connection before', () => {
    const { refuse } = watch()
    vi.advanceTimersByTime(periodMs)
    expect(refuse).toHaveBeenCalledOnce()
  })

  test.each(['end', 'close'])('is watched no longer than until its %s', (event) => {
    const { stream, refuse } = watch()
    stream.emit(event)
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(10 * periodMs)
    expect(refuse).not.toHaveBeenCalled()
  })

  test('is not watched once its answer is out', () => {
    const { answer } = watch()
    answer.emit('close')
    expect(vi.getTimerCount()).toBe(0)
  })
})
