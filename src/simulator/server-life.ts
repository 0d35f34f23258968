import { setTimeout as delay } from 'node:timers/promises'
import { createListener, type Listener, type ListenerOptions } from './listener.ts'
import type { ServerProcess } from './server-process.ts'

/** The process behind a port: it can end, and another one take its place. */
export interface ServerLife {
  readonly port: number
  current(): ServerProcess
  /** Ends the process and its connections at once. Another one waits for `revive`, or comes by itself after this time. */
  crash(downMs?: number): void
  /** Refuses connections for this time; the process lives on. */
  refuse(ms: number): void
  /** Resolves when connections are accepted. */
  revive(): Promise<void>
  close(): Promise<void>
}

export interface ServerLifeOptions extends Omit<ListenerOptions, 'upgrade' | 'answer'> {
  /** A process that has just started. */
  boot: () => ServerProcess
  answer: (process: ServerProcess, ...request: Parameters<ListenerOptions['answer']>) => void
}

/** Time between attempts to get the port back, which another socket of this machine may hold for a moment. */
const retryMs = 20

/** @throws when the port is taken */
export async function createServerLife({ host, port, boot, answer }: ServerLifeOptions): Promise<ServerLife> {
  let current = boot()
  let listener: Listener | undefined
  let opening: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  /** Whether connections are to be accepted; the listener follows as soon as it can. */
  let isOpenWanted = true
  const closing = new AbortController()
  const isClosed = (): boolean => closing.signal.aborted
  const endings = new Set<Promise<void>>()

  const listen = (wanted: number): Promise<Listener> =>
    createListener({
      host,
      port: wanted,
      answer: (request, response) => answer(current, request, response),
      upgrade: (request, socket, head) => current.upgrade(request, socket, head),
    })

  function forgetWhenEnded(ending: Promise<void>): void {
    const settled = ending.finally(() => endings.delete(settled))
    endings.add(settled)
  }

  function stopListening(downMs: number | undefined): void {
    isOpenWanted = false
    clearTimeout(timer)
    timer = downMs === undefined ? undefined : setTimeout(() => void reopen(), downMs)
    if (listener === undefined) return
    forgetWhenEnded(listener.stop())
    listener = undefined
  }

  function reopen(): Promise<void> {
    clearTimeout(timer)
    if (listener !== undefined || isClosed()) return Promise.resolve()
    isOpenWanted = true
    return (opening ??= openAgain().finally(() => (opening = undefined)))
  }

  async function openAgain(): Promise<void> {
    const isWanted = (): boolean => isOpenWanted && !isClosed()
    while (isWanted()) {
      try {
        const opened = await listen(boundPort)
        if (isWanted()) {
          listener = opened
          return
        }
        await opened.stop()
      } catch {
        await delay(retryMs)
      }
    }
  }

  async function closeAll(): Promise<void> {
    closing.abort()
    stopListening(undefined)
    forgetWhenEnded(current.end())
    await Promise.all([...endings, opening])
  }

  listener = await listen(port)
  const boundPort = listener.port
  let closed: Promise<void> | undefined
  return {
    port: boundPort,
    current: () => current,
    crash(downMs) {
      if (isClosed()) return
      stopListening(downMs)
      forgetWhenEnded(current.end())
      current = boot()
    },
    refuse(ms) {
      if (!isClosed() && listener !== undefined) stopListening(ms)
    },
    revive: reopen,
    close: () => (closed ??= closeAll()),
  }
}
