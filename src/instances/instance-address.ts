/** Host, port and base path of an instance; safe in a path segment. */
export function idOf(url: URL): string {
  return url.host + url.pathname.replace(/\/$/, '').replaceAll('/', '~')
}

/** Where its events come from. */
export function socketUrl(url: URL): string {
  const scheme = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return `${scheme}//${url.host}${url.pathname.replace(/\/$/, '')}/ws`
}
