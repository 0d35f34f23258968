import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * IPv4 that is no host on the internet, by IANA's registry of special addresses; and the one address in public space
 * that clouds answer on themselves.
 */
const closedIpv4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/**
 * Of IPv6 only the range of global unicast is open. Outside of it are `::`, `::1`, IPv4-mapped addresses, NAT64, unique
 * local, link-local, site-local and multicast ones.
 */
const globalUnicast = '2000::/3'

/** Within that range: protocol assignments with Teredo, documentation, and 6to4, which hides an IPv4 address. */
const closedIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const closed = listOf([...closedIpv4, ...closedIpv6])
const open = listOf([globalUnicast])

/** True for the address of a host on the internet. False for everything else, texts that are no address included. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !closed.check(address, 'ipv4')
  if (!isIPv6(address) || address.includes('%')) return false
  return open.check(address, 'ipv6') && !closed.check(address, 'ipv6')
}

/** True when a network such as `10.0.0.0/8`, or a single address, holds the address. */
export function isInNetwork(network: string, address: string): boolean {
  if (address.includes('%') || (!isIPv4(address) && !isIPv6(address))) return false
  return listOf([network]).check(address, isIPv4(address) ? 'ipv4' : 'ipv6')
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    if (length === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(length), family)
  }
  return list
}
