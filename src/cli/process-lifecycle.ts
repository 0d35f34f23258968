import closeWithGrace from 'close-with-grace'
import type { StrayKind } from './stray-errors.ts'

export interface LifecycleHandlers {
  /** Ends everything. `error` is what nobody caught, where that is the reason. */
  close(error: unknown): Promise<void>
  /** Time that `close` may take before the process ends anyway. */
  readonly closeTimeoutMs: number
  reload(): void
  /** Told an error that nobody caught: whether the process can go on nevertheless. */
  onStray(error: unknown, kind: StrayKind): boolean
  /** Called when the process ends before `close` was done. */
  onForced(reason: string): void
}

/** Binds a running server to the signals of its process. */
export type Supervise = (handlers: LifecycleHandlers) => void

/** Package managers pass the signal of one Ctrl-C on a second time. */
const sameKeystrokeMs = 1_000

/**
 * Closes on SIGINT and SIGTERM (a second one, later than the echo of the first, ends the process at once) and on errors
 * that nobody caught, but for those that it can go on after; reloads on SIGHUP. The process exits with 0 after a signal
 * and with 1 after an error.
 */
export const superviseProcess: Supervise = (handlers) => {
  let failure: { readonly error: unknown } | undefined
  let isClosing = false
  const grace = closeWithGrace(
    {
      delay: handlers.closeTimeoutMs,
      logger: false,
      skip: ['SIGINT', 'SIGTERM', 'SIGHUP', 'unhandledRejection', 'uncaughtException'],
      onTimeout: () => {
        handlers.onForced('closing took too long')
      },
    },
    async () => {
      isClosing = true
      await handlers.close(failure?.error)
      // Only so the process exits with 1.
      if (failure !== undefined) throw failure.error
    },
  )

  const onStray = (kind: StrayKind) => (error: unknown) => {
    if (handlers.onStray(error, kind)) return
    if (isClosing) {
      handlers.onForced('a second error')
      process.exit(1)
    }
    failure = { error }
    grace.close()
  }
  process.on('unhandledRejection', onStray('rejection'))
  process.on('uncaughtException', onStray('exception'))

  let firstSignalMs: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstSignalMs === undefined) {
      firstSignalMs = performance.now()
      grace.close()
    } else if (performance.now() - firstSignalMs > sameKeystrokeMs) {
      handlers.onForced(`a second ${signal}`)
      process.exit(1)
    }
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  process.on('SIGHUP', () => {
    handlers.reload()
  })
}
