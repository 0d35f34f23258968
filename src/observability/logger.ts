import { type DestinationStream, type Logger, destination, pino, stdTimeFunctions } from 'pino'
import { prettyFactory } from 'pino-pretty'

export interface LoggerOptions {
  readonly level: string
  readonly format: 'auto' | 'json' | 'pretty'
  /** Whether a person reads the output on a terminal. */
  readonly isTerminal: boolean
  /** Where lines go: standard output unless given. */
  readonly stream?: DestinationStream
}

const secretKeys = [
  'authorization',
  'proxy-authorization',
  'x-api-key',
  'cookie',
  'set-cookie',
  'apiKey',
  'apiKeys',
  'api_key',
  'password',
  'secret',
  'token',
]
const depths = ['', '*.', '*.*.', '*.*.*.']

/** Every place of a log object where a secret could stand, down to the fourth level. */
const redactedPaths = depths.flatMap((depth) =>
  secretKeys.map((key) => (key.includes('-') ? `${depth.slice(0, -1)}["${key}"]` : `${depth}${key}`)),
)

/** The format that `auto` stands for. */
export function chooseLogFormat({
  format,
  isTerminal,
}: Pick<LoggerOptions, 'format' | 'isTerminal'>): 'json' | 'pretty' {
  if (format !== 'auto') return format
  return isTerminal ? 'pretty' : 'json'
}

/** Writes synchronously and without worker threads, so that the last line before an exit is never lost. */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? destination({ dest: 1, sync: true })
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: '***' },
    },
    chooseLogFormat(options) === 'json' ? stream : prettyStream(stream, options.isTerminal),
  )
}

function prettyStream(stream: DestinationStream, colorize: boolean): DestinationStream {
  const format = prettyFactory({ colorize, translateTime: 'SYS:HH:MM:ss', singleLine: true })
  return { write: (line) => stream.write(format(line)) }
}
