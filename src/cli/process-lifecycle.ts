import closeWithGrace from 'close-with-grace'

export interface LifecycleHandlers {
  /** Ends everything. `error` is what nobody caught, where that is the reason. */
  close(error: unknown): Promise<void>
  /** Time that `close` may take before the process ends anyway. */
  readonly closeTimeoutMs: number
  reload(): void
  /** Called when the process ends before `close` was done. */
  onForced(reason: string): void
}

/** Binds a running server to the signals of its process. */
export type Supervise = (handlers: LifecycleHandlers) => void

/** Package managers pass the signal of one Ctrl-C on a second time. */
const sameKeystrokeMs = 1_000

/**
 * Closes on SIGINT and SIGTERM (a second one, later than the echo of the first, ends the process at once) and on errors
 * that nobody caught; reloads on SIGHUP. The process exits with 0 after a signal and with 1 after an error.
 */
export const superviseProcess: Supervise = (handlers) => {
  const grace = closeWithGrace(
    {
      delay: handlers.closeTimeoutMs,
      logger: false,
      skip: ['SIGINT', 'SIGTERM', 'SIGHUP'],
      onTimeout: () => {
        handlers.onForced('closing took too long')
      },
      onSecondError: () => {
        handlers.onForced('a second error')
      },
    },
    ({ err }) => handlers.close(err),
  )

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
