import { once } from 'node:events'
import { connect as connectTcp, isIP, isIPv6, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface PinnedConnection {
  /** A name, or an address without brackets. */
  readonly host: string
  readonly port: number
  readonly isEncrypted: boolean
  /** Looked up and checked. The connection goes to one of them, whatever the name leads to by now. */
  readonly addresses: readonly string[]
  /** Asked once more for the address at the other end, before anything is sent. */
  readonly isAllowed: (address: string) => boolean
  /** Authorities whose certificates are trusted, in place of the usual ones. */
  readonly ca?: readonly string[] | undefined
  /** For the connection and the handshake. */
  readonly timeoutMs: number
  /** Ends the attempt, and the connection when it stands. */
  readonly signal: AbortSignal
}

/** @throws the error of the system, of the certificate, or the reason of `signal` */
export async function connectPinned(connection: PinnedConnection): Promise<Socket> {
  const { host, port, isEncrypted, addresses, isAllowed, ca, timeoutMs, signal } = connection
  signal.throwIfAborted()
  const attempt = new AbortController()
  const timer = setTimeout(() => attempt.abort(new Error('no connection in time')), timeoutMs)
  const tcp = connectTcp({ host, port, lookup: lookupOf(addresses), autoSelectFamily: true, noDelay: true })
  const end = () => {
    attempt.abort(signal.reason)
    tcp.destroy()
  }
  signal.addEventListener('abort', end, { once: true })
  tcp.once('close', () => signal.removeEventListener('abort', end))
  try {
    await once(tcp, 'connect', attempt)
    if (tcp.remoteAddress === undefined || !isAllowed(tcp.remoteAddress)) throw new Error('connected somewhere else')
    if (!isEncrypted) return tcp
    const secure = connectTls({
      socket: tcp,
      host,
      servername: isIP(host) === 0 ? host : '',
      ALPNProtocols: ['http/1.1'],
      rejectUnauthorized: true,
      ...(ca !== undefined && { ca: [...ca] }),
    })
    await once(secure, 'secureConnect', attempt)
    return secure
  } catch (error) {
    tcp.on('error', () => {})
    tcp.destroy()
    throw attempt.signal.aborted ? attempt.signal.reason : error
  } finally {
    clearTimeout(timer)
  }
}

function lookupOf(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }))
  return (_host, { all }, callback) => {
    const [first] = found
    if (first === undefined) callback(new Error('no address'), '')
    else if (all === true) callback(null, found)
    else callback(null, first.address, first.family)
  }
}
