import { Resolver } from 'node:dns/promises'
import { errnoOf } from '../../lib/errno-of.ts'

/** All addresses of a host, or none when it has none. @throws when nobody could be asked, or `signal` was aborted */
export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly string[]>

const absent = new Set(['ENODATA', 'ENOTFOUND'])

/**
 * Asks the name servers of this machine, and never its file of hosts: names that are only known there are not for
 * callers. Unlike a look-up by the system it can be given up, and takes no thread from others.
 * @param servers addresses with ports, in place of those of this machine
 */
export function createHostResolver({ servers }: { servers?: readonly string[] } = {}): ResolveHost {
  return async (host, signal) => {
    signal.throwIfAborted()
    const resolver = new Resolver({ timeout: 3000, tries: 2 })
    if (servers !== undefined) resolver.setServers(servers)
    const cancel = () => resolver.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    try {
      const answers = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
      signal.throwIfAborted()
      const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
      const failure = answers.find(
        (answer) => answer.status === 'rejected' && !absent.has(errnoOf(answer.reason) ?? ''),
      )
      if (found.length === 0 && failure?.status === 'rejected') throw failure.reason
      return found
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }
}
