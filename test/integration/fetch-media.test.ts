import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:net'
import { createGzip } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { connectPinned } from '../../src/inputs/urls/connect-pinned.ts'
import { decodeMedia } from '../../src/inputs/decode-media.ts'
import { createMediaFetcher, type MediaFetcher, type MediaFetcherOptions } from '../../src/inputs/urls/fetch-media.ts'
import { createUrlRules, type UrlAllowance } from '../../src/inputs/urls/url-rules.ts'
import { isPublicAddress } from '../../src/lib/public-address.ts'
import { makeCertificate } from '../support/make-certificate.ts'
import { makePng } from '../support/make-image.ts'
import { MemoryInputs } from '../support/memory-inputs.ts'
import { startMediaServer, type MediaServer } from '../support/media-server.ts'
import { closedUrls, resolveVector } from '../support/url-vectors.ts'

const png = makePng()
const pointer = '/image'
/** Stands for an address of the internet. */
const publicAddress = '127.0.0.77'
const isPublic = (address: string) => address === publicAddress || isPublicAddress(address)
const maxBytes = 100_000

let pictures: MediaServer
/** Same port, on an address that is not public. */
let canary: MediaServer
let lastHeaders: IncomingHttpHeaders = {}
const fetchers: MediaFetcher[] = []
const received = new MemoryInputs()

beforeAll(async () => {
  pictures = await startMediaServer(
    (request, response) => {
      lastHeaders = request.headers
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://pictures')
      const redirect = (location: string, status = 302) => void response.writeHead(status, { location }).end('moved')
      switch (pathname) {
        case '/a.png':
          return void response.writeHead(200, { 'content-type': 'text/html' }).end(png)
        case '/chunked':
          response.write(png.subarray(0, 10))
          return void response.end(png.subarray(10))
        case '/status':
          return void response.writeHead(Number(searchParams.get('code'))).end('the secret of this page')
        case '/empty':
          return void response.end()
        case '/endless': {
          const more = () => {
            while (!response.destroyed && response.write(Buffer.alloc(10_000)));
          }
          response.on('drain', more)
          return more()
        }
        case '/large':
          return void response.writeHead(200, { 'content-length': maxBytes + 1 }).write('a')
        case '/bomb': {
          response.writeHead(200, { 'content-encoding': 'gzip' })
          const gzip = createGzip()
          gzip.pipe(response)
          return void gzip.end(Buffer.alloc(20_000_000))
        }
        case '/short':
          response.writeHead(200, { 'content-length': 1000 })
          response.write('abc', () => response.socket?.destroy())
          return
        case '/reset':
          return void response.socket?.resetAndDestroy()
        case '/garbage':
          return void response.socket?.end('this is no HTTP\r\n\r\n')
        case '/silent':
          return
        case '/stall':
          return void response.writeHead(200).write('a')
        case '/drip': {
          const timer = setInterval(() => response.write('a'), 20)
          return void response.once('close', () => clearInterval(timer))
        }
        case '/chain': {
          const left = Number(searchParams.get('left'))
          return redirect(left === 0 ? '/a.png' : `/chain?left=${left - 1}`, [301, 302, 303, 307, 308][left])
        }
        case '/to':
          return redirect(searchParams.get('url') ?? '')
        default:
          return void response.writeHead(404).end()
      }
    },
    { host: publicAddress },
  )
  canary = await startMediaServer((_request, response) => void response.end(png), { port: pictures.port })
})
afterEach(async () => {
  await Promise.all(fetchers.splice(0).map((fetcher) => fetcher.close()))
  await pictures.whenLeft()
})
afterAll(async () => {
  await pictures[Symbol.asyncDispose]()
  await canary[Symbol.asyncDispose]()
})

const named = (host: string): UrlAllowance => ({ kind: 'host', host, port: pictures.port })

function start(options: Partial<MediaFetcherOptions> & { allow?: readonly UrlAllowance[] } = {}): MediaFetcher {
  const { allow = [named('pictures.example.com')], ...others } = options
  const fetcher = createMediaFetcher({
    rules: createUrlRules({ takesHttp: true, allow: allow, isPublic }),
    maxBytes,
    receive: (source) => received.receive(source),
    resolve: async (host) => (host === 'pictures.example.com' ? [publicAddress] : resolveVector(host)),
    ...others,
  })
  fetchers.push(fetcher)
  return fetcher
}

/** As a media parameter is read. */
async function take(fetcher: MediaFetcher, text: string, signal?: AbortSignal): Promise<Buffer> {
  const url = fetcher.read(text, pointer)
  if (url === undefined) return decodeMedia(text, pointer)
  const file = await fetcher.fetch(url, pointer, signal)
  return received.received.get(file) ?? Buffer.alloc(0)
}

async function refusal(work: Promise<unknown>): Promise<GatewayError> {
  const error = await work.then(
    () => new Error('was fetched'),
    (reason: unknown) => reason,
  )
  if (!(error instanceof GatewayError)) throw error
  return error
}

const at = (path: string) => `http://pictures.example.com:${pictures.port}${path}`

describe('URLs that lead inside', () => {
  test('there are many, each once', () => {
    expect(new Set(closedUrls).size).toBe(closedUrls.length)
    expect(closedUrls.length).toBeGreaterThan(250)
  })

  test('none of them is connected to', async () => {
    const before = canary.connections()
    const open = createMediaFetcher({
      rules: createUrlRules({ takesHttp: true, allow: [], isPublic }),
      maxBytes,
      receive: (source) => received.receive(source),
      resolve: async (host) => (host === 'pictures.example.com' ? [publicAddress] : resolveVector(host)),
    })
    // With a port that is allowed, it is the host alone that is refused.
    const listed = start({
      allow: [
        { kind: 'suffix', host: 'example.com', port: canary.port },
        { kind: 'host', host: 'localhost', port: canary.port },
        { kind: 'host', host: 'pictures.example.com', port: undefined },
      ],
      resolve: async (host) => (host.endsWith('localhost') ? ['127.0.0.1', '::1'] : resolveVector(host)),
    })
    for (const vector of closedUrls) {
      const text = vector.replaceAll('PORT', String(canary.port))
      for (const fetcher of [open, listed]) {
        const error = await refusal(take(fetcher, text))
        expect(error.code, text).toBe('unsupported_input')
        expect(error.errors, text).toMatchObject([{ pointer, code: expect.stringMatching(/^url_not_|^not_base64$/) }])
      }
    }
    await open.close()
    expect(canary.connections()).toBe(before)
  })

  test('nor is one of them that a redirect leads to', async () => {
    const before = canary.connections()
    const fetcher = start({
      resolve: async (host) => (host.startsWith('pictures.') ? [publicAddress] : resolveVector(host)),
    })
    for (const vector of closedUrls) {
      if (!/^\s*https?:/i.test(vector) || vector.includes('pictures.')) continue
      const target = vector.replaceAll('PORT', String(canary.port))
      const error = await refusal(
        take(fetcher, at(`/to?url=${encodeURIComponent(target.replaceAll(/[^!-~]/g, encodeURIComponent))}`)),
      )
      expect(['unsupported_input', 'url_unreachable'], target).toContain(error.code)
      expect(error.detail, target).toMatch(/leads to another one, which is not fetched|answered 404|redirects/)
    }
    expect(canary.connections()).toBe(before)
  })

  test('a name is looked up once, and connected to where it led then', async () => {
    const before = canary.connections()
    let asked = 0
    const fetcher = start({ resolve: async () => [(asked += 1) === 1 ? publicAddress : '127.0.0.1'] })
    expect(await take(fetcher, at('/a.png'))).toEqual(png)
    expect(asked).toBe(1)
    expect((await refusal(take(fetcher, at('/a.png')))).errors).toMatchObject([{ code: 'url_not_allowed' }])
    expect(canary.connections()).toBe(before)
  })

  test('a name that changes between two redirects is refused at the second', async () => {
    const before = canary.connections()
    let asked = 0
    const fetcher = start({ resolve: async () => [(asked += 1) === 1 ? publicAddress : '127.0.0.1'] })
    expect(await refusal(take(fetcher, at('/chain?left=1')))).toMatchObject({
      detail:
        '/image is a URL that leads to another one, which is not fetched: its host has an address that is not public.',
    })
    expect(canary.connections()).toBe(before)
  })

  test.each([
    ['first', ['127.0.0.1', publicAddress]],
    ['last', [publicAddress, '127.0.0.1']],
    ['as IPv6', [publicAddress, '::1']],
    ['mapped', [publicAddress, '::ffff:127.0.0.1']],
  ])('one address inside among public ones is enough: %s', async (_, addresses) => {
    const before = canary.connections()
    const error = await refusal(take(start({ resolve: async () => addresses }), at('/a.png')))
    expect(error.errors).toMatchObject([{ code: 'url_not_allowed' }])
    expect(canary.connections()).toBe(before)
  })

  test('whoever is at the other end is asked for the address before anything is sent', async () => {
    let received = 0
    const server = createServer((socket) => socket.on('data', (data) => (received += data.length)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const seen: string[] = []
    const connection = connectPinned({
      host: 'pictures.example.com',
      port: address.port,
      isEncrypted: true,
      addresses: ['127.0.0.1'],
      isAllowed: (found) => seen.push(found) === 0,
      timeoutMs: 10_000,
      signal: new AbortController().signal,
    })
    await expect(connection).rejects.toThrow('connected somewhere else')
    server.close()
    await once(server, 'close')
    expect(seen).toEqual(['127.0.0.1'])
    expect(received).toBe(0)
  })
})

describe('what is allowed', () => {
  const readWith = (allow: readonly UrlAllowance[], url: string, takesHttp = false) => {
    const found = createUrlRules({ takesHttp, allow, isPublic: isPublicAddress }).read(url)
    return typeof found === 'string' ? found : 'fetched'
  }

  test.each([
    'https://pictures.example.com/a.png',
    'https://pictures.example.com:443/a.png?X-Signature=abc%2F123&b=c#part',
    'https://pictures.example.com:80/',
    'https://PICTURES.example.com./a b.png'.replace(' ', '%20'),
    'https://bücher.example.com/ä.png',
    'https://8.8.8.8/a.png',
    'https://[2606:4700:4700::1111]/a.png',
    'https://a_b.example.com/@/a.png',
  ])('%s', (url) => {
    expect(readWith([], url)).toBe('fetched')
  })

  test('http only where it was asked for', () => {
    expect(readWith([], 'http://pictures.example.com/')).toBe('it is not https')
    expect(readWith([], 'http://pictures.example.com/', true)).toBe('fetched')
  })

  test('with a list, what is on it and nothing else', () => {
    const allow: UrlAllowance[] = [
      { kind: 'host', host: 'cdn.example.com', port: undefined },
      { kind: 'suffix', host: 'example.org', port: 8443 },
    ]
    expect(readWith(allow, 'https://cdn.example.com/')).toBe('fetched')
    expect(readWith(allow, 'https://CDN.example.com.:443/')).toBe('fetched')
    expect(readWith(allow, 'https://a.b.example.org:8443/')).toBe('fetched')
    for (const url of [
      'https://example.com/',
      'https://a.cdn.example.com/',
      'https://cdn.example.com:8443/',
      'https://cdn.example.com.evil.net/',
      'https://a.example.org/',
      'https://example.org:8443/',
      'https://evilexample.org:8443/',
      'https://8.8.8.8/',
    ])
      expect(readWith(allow, url), url).toBe('it is not among what this server was told to fetch (--url-allow)')
  })

  test('a network, its names included, on its port; but no name alone lets one inside', () => {
    const network: UrlAllowance = { kind: 'network', network: '10.0.0.0/8', port: 9000 }
    const rules = createUrlRules({ takesHttp: false, allow: [network], isPublic: isPublicAddress })
    const url = rules.read('https://minio:9000/a.png')
    if (typeof url === 'string') throw new Error(url)
    expect(rules.whyNotConnected(url, ['10.1.2.3', '10.1.2.4'])).toBeUndefined()
    for (const addresses of [['11.0.0.1'], ['10.0.0.1', '127.0.0.1'], ['8.8.8.8']])
      expect(rules.whyNotConnected(url, addresses), addresses.join()).toMatch(/^it is not among/)
    expect(rules.read('https://10.0.0.1:9000/')).toBeInstanceOf(URL)
    expect(rules.read('https://10.0.0.1/')).toMatch(/^it is not among/)
    const host: UrlAllowance = { kind: 'host', host: 'minio', port: 9000 }
    const byName = createUrlRules({ takesHttp: false, allow: [host], isPublic: isPublicAddress })
    expect(byName.whyNotConnected(url, ['10.1.2.3'])).toBe('its host has an address that is not public')
  })
})

describe('a fetch', () => {
  test('gets the bytes, whatever their type is said to be, and sends nothing of anybody', async () => {
    const fetcher = start()
    expect(await take(fetcher, at('/a.png'))).toEqual(png)
    expect(lastHeaders).toEqual({
      host: `pictures.example.com:${pictures.port}`,
      connection: expect.any(String),
      accept: expect.any(String),
      'accept-encoding': 'identity',
      'user-agent': 'comfyui-api',
    })
    expect(await take(fetcher, ` ${at('/chunked')}\n`)).toEqual(png)
  })

  test.each([0, 1, 2])('follows redirects: %i and one', async (left) => {
    expect(await take(start(), at(`/chain?left=${left}`))).toEqual(png)
    expect(lastHeaders).not.toHaveProperty('referer')
  })

  test.each([3, 4])('but no more than three: not %i and one', async (left) => {
    expect(await refusal(take(start(), at(`/chain?left=${left}`)))).toMatchObject({
      code: 'unsupported_input',
      errors: [{ pointer, code: 'too_many_redirects' }],
    })
  })

  test('by https, when the certificate is that of the host', async () => {
    const certificate = makeCertificate('pictures.example.com')
    await using server = await startMediaServer((_request, response) => void response.end(png), {
      host: publicAddress,
      tls: certificate,
    })
    const allow: UrlAllowance[] = ['pictures', 'pictures2'].map((name) => ({
      kind: 'host',
      host: `${name}.example.com`,
      port: server.port,
    }))
    const resolve = async () => [publicAddress]
    const trusting = start({ allow, resolve, ca: [certificate.cert] })
    expect(await take(trusting, `https://pictures.example.com:${server.port}/`)).toEqual(png)
    const other = await refusal(take(trusting, `https://pictures2.example.com:${server.port}/`))
    expect(other).toMatchObject({ code: 'url_unreachable', detail: expect.stringContaining('ERR_TLS_CERT_ALTNAME') })
    const unknown = await refusal(take(start({ allow, resolve }), `https://pictures.example.com:${server.port}/`))
    expect(unknown).toMatchObject({ code: 'url_unreachable', detail: expect.stringContaining('SELF_SIGNED') })
    await server.whenLeft()
  })

  test.each([
    ['/status?code=404', 'unsupported_input', 'url_status'],
    ['/status?code=403', 'unsupported_input', 'url_status'],
    ['/status?code=204', 'unsupported_input', 'url_status'],
    ['/status?code=206', 'unsupported_input', 'url_status'],
    ['/status?code=302', 'unsupported_input', 'url_status'],
    ['/status?code=429', 'url_unreachable', 'url_unreachable'],
    ['/status?code=503', 'url_unreachable', 'url_unreachable'],
    ['/empty', 'unsupported_input', 'empty'],
    ['/endless', 'unsupported_input', 'too_large'],
    ['/large', 'unsupported_input', 'too_large'],
    ['/bomb', 'unsupported_input', 'url_encoded'],
    ['/short', 'url_unreachable', 'url_unreachable'],
    ['/reset', 'url_unreachable', 'url_unreachable'],
    ['/garbage', 'url_unreachable', 'url_unreachable'],
    ['/to?url=', 'unsupported_input', 'too_many_redirects'],
    ['/to?url=https://[', 'unsupported_input', 'url_not_allowed'],
    ['/to?url=file:///etc/passwd', 'unsupported_input', 'url_not_allowed'],
    ['/to?url=data:image/png;base64,AAAA', 'unsupported_input', 'url_not_allowed'],
  ])('of %s is told as %s, %s, and leaves no connection', async (path, code, detail) => {
    const error = await refusal(take(start(), at(path)))
    expect(error).toMatchObject({ code, errors: [{ pointer, code: detail }] })
    expect(JSON.stringify([error.detail, error.errors])).not.toMatch(/secret|pictures|HTTP/)
    await pictures.whenLeft()
  })

  test.each(['/silent', '/stall'])('of %s ends when nothing comes', async (path) => {
    expect((await refusal(take(start({ idleTimeoutMs: 300 }), at(path)))).code).toBe('url_unreachable')
    await pictures.whenLeft()
  })

  test.each(['/drip', '/silent', '/stall'])('of %s ends when its time is over', async (path) => {
    const error = await refusal(take(start({ totalTimeoutMs: 300 }), at(path)))
    expect(error).toMatchObject({ code: 'url_unreachable', detail: '/image is a URL that was not there within 0.3 s.' })
    await pictures.whenLeft()
  })

  test('of a host that cannot be looked up, has no address, or where nobody listens', async () => {
    const failing = start({
      resolve: async () => {
        throw Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' })
      },
    })
    expect(await refusal(take(failing, at('/')))).toMatchObject({
      code: 'url_unreachable',
      detail: '/image is a URL that could not be fetched: its host cannot be looked up (ESERVFAIL).',
    })
    expect((await refusal(take(start({ resolve: async () => [] }), at('/')))).detail).toMatch(/has no address/)
    const allow: UrlAllowance[] = [{ kind: 'host', host: 'pictures.example.com', port: 1 }]
    expect(await refusal(take(start({ allow }), 'http://pictures.example.com:1/'))).toMatchObject({
      code: 'url_unreachable',
      detail: '/image is a URL that could not be fetched (ECONNREFUSED).',
    })
  })

  test.each(['/silent', '/stall', '/drip', '/endless'])('of %s ends with its caller', async (path) => {
    const caller = new AbortController()
    const fetcher = start({ maxBytes: Number.MAX_SAFE_INTEGER })
    const before = pictures.connections()
    const work = refusal(take(fetcher, at(path), caller.signal))
    await expect.poll(() => pictures.connections()).toBe(before + 1)
    caller.abort()
    expect((await work).code).toBe('client_closed_request')
    await pictures.whenLeft()
    expect((await refusal(take(fetcher, at('/a.png'), caller.signal))).code).toBe('client_closed_request')
  })

  test('ends with the fetcher, while it is looked up, waits or runs', async () => {
    const fetcher = start({
      slots: 2,
      allow: [named('pictures.example.com'), named('lost.example.com')],
      resolve: (host, signal) =>
        host.startsWith('lost')
          ? new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('given up'))))
          : Promise.resolve([publicAddress]),
    })
    const before = pictures.connections()
    const urls = [at('/silent').replace('pictures', 'lost'), at('/silent'), at('/silent')]
    const works = urls.map((url) => refusal(take(fetcher, url)))
    await expect.poll(() => pictures.connections()).toBe(before + 1)
    await fetcher.close()
    expect((await Promise.all(works)).map(({ code }) => code)).toEqual(['draining', 'draining', 'draining'])
    expect((await refusal(take(fetcher, at('/a.png')))).code).toBe('draining')
    await pictures.whenLeft()
    expect(pictures.connections()).toBe(before + 1)
  })

  test('gets many large files while others are stuck', async () => {
    const large = Buffer.alloc(5 * 1024 * 1024, 7)
    await using server = await startMediaServer(
      (request, response) => (request.url === '/large' ? response.end(large) : response.write(large)),
      { host: publicAddress },
    )
    const caller = new AbortController()
    const allow: UrlAllowance[] = [{ kind: 'network', network: publicAddress, port: server.port }]
    const fetcher = start({ allow, maxBytes: 40 * 1024 * 1024 })
    const stuck = Array.from({ length: 6 }, () => refusal(take(fetcher, `${server.url}/stuck`, caller.signal)))
    await expect.poll(() => server.connections()).toBe(6)
    const waiting = Array.from({ length: 6 }, () => take(fetcher, `${server.url}/large`))
    await expect.poll(() => server.connections()).toBe(12)
    caller.abort()
    await Promise.all(stuck)
    for (const bytes of await Promise.all(waiting)) expect(bytes.equals(large)).toBe(true)
    await server.whenLeft()
  })

  test('waits for a place, of which there are so many, and no longer than its time', async () => {
    const fetcher = start({ slots: 1, maxWaiting: 1 })
    const caller = new AbortController()
    const before = pictures.connections()
    const first = refusal(take(fetcher, at('/silent'), caller.signal))
    await expect.poll(() => pictures.connections()).toBe(before + 1)
    const second = take(fetcher, at('/a.png'))
    expect((await refusal(take(fetcher, at('/a.png')))).code).toBe('overloaded')
    caller.abort()
    await first
    expect(await second).toEqual(png)
    expect(await take(fetcher, at('/a.png'))).toEqual(png)
  })
})
