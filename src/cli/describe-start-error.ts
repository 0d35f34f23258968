import { ConfigError } from '../config/config-error.ts'
import type { Config } from '../config/config.ts'
import { GatewayError } from '../errors/gateway-error.ts'

/**
 * One line about a failure that the person who starts the server can mend. `undefined` when it is none of these: then it
 * is a fault of ours, and the stack is worth showing.
 */
export function describeStartError(error: unknown, config: Config): string | undefined {
  for (const cause of causes(error)) {
    const line = describeCause(cause, config)
    if (line !== undefined) return line
  }
  return error instanceof GatewayError ? error.detail : undefined
}

function describeCause(error: Error, { server, storage }: Config): string | undefined {
  if (error instanceof ConfigError) return error.message
  const code = 'code' in error ? error.code : undefined
  if (isListenError(error)) {
    switch (code) {
      case 'EADDRINUSE':
        return `Port ${String(server.port)} of ${server.host} is in use. Stop what listens there, or choose another port with --port.`
      case 'EACCES':
        return `Port ${String(server.port)} may not be used without more rights. Choose one above 1023 with --port.`
      default:
        return `${server.host} is no address of this machine (${String(code)}). Choose another with --host.`
    }
  }
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOSPC':
    case 'EDQUOT':
      return `The data directory ${storage.dataDir} cannot be written: ${error.message}. Choose another with --data-dir.`
    case 'ERR_SQLITE_ERROR':
      return `The job database in ${storage.dataDir} cannot be used: ${error.message}. Another server may run with the same --data-dir.`
    default:
      return undefined
  }
}

function isListenError(error: Error): boolean {
  const syscall = 'syscall' in error ? error.syscall : undefined
  return syscall === 'listen' || syscall === 'bind' || syscall === 'getaddrinfo'
}

/** The error and what caused it, the cause that lies deepest first. */
function causes(error: unknown): Error[] {
  return error instanceof Error ? [...causes(error.cause), error] : []
}

/** An error that nobody foresaw, with what helps to find it. */
export function describeFault(error: unknown): string {
  return error instanceof Error ? `This is a fault of the program.\n${error.stack ?? error.message}` : String(error)
}
