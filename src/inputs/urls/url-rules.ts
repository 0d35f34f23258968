import { isIP } from 'node:net'
import { isInNetwork } from '../../lib/public-address.ts'

/** What may be fetched: a name, all names below one, or a network. */
export type UrlAllowance = {
  /** Only this port; 80 and 443 when absent. */
  readonly port: number | undefined
} & (
  | { readonly kind: 'host'; readonly host: string }
  /** `host` is what stands behind the dot. */
  | { readonly kind: 'suffix'; readonly host: string }
  /** An address, or `address/length`. */
  | { readonly kind: 'network'; readonly network: string }
)

export interface UrlRulesOptions {
  /** `http` is fetched as well as `https`. */
  readonly takesHttp: boolean
  /** Empty: all public hosts. Otherwise these and nothing else. */
  readonly allow: readonly UrlAllowance[]
  readonly isPublic: (address: string) => boolean
}

/** Which URLs of callers may be fetched. Reasons complete the sentence "is not fetched: …" and repeat nothing of the URL. */
export interface UrlRules {
  /**
   * Why the URL is not fetched, as far as it says so itself. The text is what the caller wrote.
   * @returns the URL, or the reason
   */
  read(text: string): URL | string
  /** Why a host with these addresses is not connected to; `undefined` when it is. All of them must be allowed. */
  whyNotConnected(url: URL, addresses: readonly string[]): string | undefined
}

const maxUrlLength = 8192
const webPorts: readonly number[] = [80, 443]
/** Names that no host of the internet has; asking for them would tell a caller what there is inside. */
const insideNames =
  /^[^.]*$|(^|\.)(localhost|localdomain|local|internal|intranet|lan|home|corp|private|home\.arpa|onion|invalid)$/
/** The parser of URLs leaves out line ends and tabs, and escapes white space. */
const visible = /^[!-~\u00a1-\uffff]+$/
const namePattern = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/

const notListed = 'it is not among what this server was told to fetch (--url-allow)'
const notPublic = 'its host has an address that is not public'

export function createUrlRules({ takesHttp, allow, isPublic }: UrlRulesOptions): UrlRules {
  return {
    read(text) {
      if (text.length > maxUrlLength) return `it is longer than ${maxUrlLength} characters`
      const [, authority] = /^https?:\/\/([^/?#\\]+)(?=[/?#]|$)/i.exec(text) ?? []
      const url = URL.parse(text)
      if (authority === undefined || url === null || !visible.test(text)) return 'it is no valid URL'
      if (url.protocol !== 'https:' && !takesHttp) return 'it is not https'
      if (authority.includes('@')) return 'it has a user or password'
      return whyNotRead(url) ?? url
    },
    whyNotConnected,
  }

  function whyNotRead(url: URL): string | undefined {
    const host = hostOf(url)
    if (isIP(host) !== 0) return whyNotConnected(url, [host])
    if (!namePattern.test(host)) return 'its host is no name of a host'
    const isNamed = allowsName(url)
    if (isNamed && allow.length > 0) return undefined
    if (allow.some((each) => each.kind === 'network' && allowsPort(each.port, url))) return undefined
    if (!isNamed) return whyNotNamed()
    return insideNames.test(host) ? notPublic : undefined
  }

  function whyNotConnected(url: URL, addresses: readonly string[]): string | undefined {
    const isNamed = allowsName(url)
    const isRefused = (address: string) => !(isNamed && isPublic(address)) && !allowsAddress(url, address)
    if (!addresses.some(isRefused)) return undefined
    return isNamed ? notPublic : whyNotNamed()
  }

  function whyNotNamed(): string {
    return allow.length > 0 ? notListed : 'its port is neither 80 nor 443'
  }

  function allowsName(url: URL): boolean {
    if (allow.length === 0) return allowsPort(undefined, url)
    const host = hostOf(url)
    return allow.some((each) => {
      if (each.kind === 'network' || !allowsPort(each.port, url)) return false
      return each.kind === 'host' ? host === each.host : host.endsWith(`.${each.host}`)
    })
  }

  function allowsAddress(url: URL, address: string): boolean {
    return allow.some(
      (each) => each.kind === 'network' && allowsPort(each.port, url) && isInNetwork(each.network, address),
    )
  }
}

/** Without the brackets of IPv6, and without the dot at the end that a complete name may have. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
}

export function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}

function allowsPort(only: number | undefined, url: URL): boolean {
  const port = portOf(url)
  return only === undefined ? webPorts.includes(port) : port === only
}
