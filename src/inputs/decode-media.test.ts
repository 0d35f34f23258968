import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { decodeMedia } from './decode-media.ts'

const pointer = '/image'

function refusal(text: string, maxBytes?: number): GatewayError {
  try {
    decodeMedia(text, pointer, maxBytes)
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('was taken')
}

/** Puts white space between some characters. */
const spaces = fc.array(fc.tuple(fc.nat(), fc.constantFrom(' ', '\n', '\r\n', '\t')), { maxLength: 5 })
function withSpaces(text: string, places: readonly (readonly [number, string])[]): string {
  return places.reduce((spaced, [at, space]) => {
    const index = at % (spaced.length + 1)
    return spaced.slice(0, index) + space + spaced.slice(index)
  }, text)
}

describe('decodeMedia', () => {
  const anyBytes = fc.uint8Array({ minLength: 1, maxLength: 400 }).map((array) => Buffer.from(array))
  const header = fc.constantFrom(
    'data:image/png;base64,',
    'DATA:IMAGE/PNG;BASE64,',
    'data:;base64,',
    'data:image/png;charset=utf-8;base64,',
    'data:application/octet-stream;name=a.png; base64,',
    'data:text/html;base64,',
  )

  test('gives back any bytes from any of the forms', () => {
    fc.assert(
      fc.property(
        anyBytes,
        fc.boolean(),
        fc.boolean(),
        fc.option(header, { nil: '' }),
        spaces,
        (bytes, urlSafe, padded, prefix, places) => {
          const standard = urlSafe ? bytes.toString('base64url') : bytes.toString('base64')
          const bare = standard.replace(/=+$/, '')
          const digits = padded ? bare.padEnd(Math.ceil(bare.length / 4) * 4, '=') : bare
          expect(decodeMedia(prefix + withSpaces(digits, places), pointer).equals(bytes)).toBe(true)
        },
      ),
      { numRuns: 1000 },
    )
  })

  test('takes a data URI whose base64 was escaped for a query', () => {
    const bytes = Buffer.from([0xfb, 0xff, 0xfe, 0x01])
    expect(decodeMedia(`data:image/png;base64,${encodeURIComponent(bytes.toString('base64'))}`, pointer)).toEqual(bytes)
  })

  test('takes bare text exactly when it is base64', () => {
    const text = fc.string({
      unit: fc.constantFrom('A', 'B', '+', '/', '-', '_', '=', ' ', '%', '.', 'é', '€', '\u0000'),
      maxLength: 12,
    })
    fc.assert(
      fc.property(text, (value) => {
        const dense = value.replace(/\s/g, '')
        const digits = dense.replace(/={1,2}$/, '')
        const isBase64 =
          /^[A-Za-z0-9+/_-]+$/.test(digits) && digits.length % 4 !== 1 && (digits === dense || dense.length % 4 === 0)
        if (isBase64) expect(decodeMedia(value, pointer)).toEqual(Buffer.from(dense, 'base64'))
        else expect(refusal(value).code).toBe('unsupported_input')
      }),
      { numRuns: 2000 },
    )
  })

  test.each([
    'http://example.com/a.png',
    'https://example.com/a.png',
    'HTTPS://EXAMPLE.COM/A.PNG',
    ' https://example.com/a.png',
    '\n\thttps://example.com/a.png',
    'http:/example.com/a.png',
    'http:example.com',
    'https://user:secret@example.com/a.png?token=secret',
    'https://[::1]/a.png',
    'http://169.254.169.254/latest/meta-data',
    'ftp://example.com/a.png',
    'file:///etc/passwd',
    'file:/etc/passwd',
    'FILE:etc',
    'blob:https://example.com/1',
    'javascript:alert(1)',
    'gopher://127.0.0.1:6379/_FLUSHALL',
    's3://bucket/key',
    'gs://bucket/key',
    'ws://127.0.0.1:8188/ws',
    'about:blank',
    'C:\\Windows\\win.ini',
    '//example.com/a.png',
    '//127.0.0.1:8188/view',
    '//[::1]/a.png',
    '\\\\host.local\\share\\a.png',
    'view-source:https://example.com',
    'data-x:image/png;base64,AAAA',
  ])('refuses the URL %j', (text) => {
    const error = refusal(text)
    expect(error).toMatchObject({ code: 'unsupported_input', errors: [{ pointer, code: 'url_not_supported' }] })
    expect(error.detail).toMatch(
      /^\/image is a URL of a kind that is not fetched. Send an https URL, a data URI .*, base64, a part of a multipart form, or \{"asset": id\}\.$/,
    )
  })

  test.each([
    '../../etc/passwd.png',
    './a.png',
    'a.png',
    'cat.png [input]',
    'a.png [output]',
    '~/.ssh/id_rsa',
    '%2e%2e%2fetc%2fpasswd',
    'a\u0000b',
    '<svg onload="alert(1)">',
    '<!doctype html>',
    '{"url": "x"}',
    '[object Object]',
    'null.',
    '====',
    '=',
    'A',
    'AAAAA',
    'A===',
    'AA=A',
    'AAAA====',
    'AA==AA==',
    'AAA=A',
    'AAAA=',
    'AA!A',
    'AAAA\u00a0;',
    'ＡＡＡＡ',
    '🙂🙂🙂🙂',
    '%41%41%41%41',
    'base64,AAAA',
  ])('refuses %j, which is no base64', (text) => {
    expect(refusal(text)).toMatchObject({ code: 'unsupported_input', errors: [{ pointer, code: 'not_base64' }] })
  })

  test.each([
    'data:',
    'data:,',
    'data:image/png',
    'data:image/png,AAAA',
    'data:image/png;base64',
    'data:image/svg+xml,%3Csvg%3E',
    'data:image/png;base64;x,AAAA',
    'data:image/png;xbase64,AAAA',
    'data:image/png;base64,A',
    'data:image/png;base64,AAAA;',
    'data:image/png;base64,%zz',
    'data:image/png;base64,https://example.com',
    'data:image/png;base64,data:image/png;base64,AAAA',
    `data:${'x'.repeat(2000)};base64,AAAA`,
  ])('refuses the data URI %j', (text) => {
    expect(refusal(text)).toMatchObject({ code: 'unsupported_input', errors: [{ pointer, code: 'not_base64' }] })
  })

  test.each(['', ' ', '\n', 'data:image/png;base64,', 'data:image/png;base64, \n'])('refuses %j as empty', (text) => {
    expect(refusal(text)).toMatchObject({ code: 'unsupported_input', errors: [{ pointer, code: 'empty' }] })
  })

  test('never repeats what it was sent', () => {
    for (const text of ['https://example.com/a.png?signature=secret', 'secret.png', 'data:image/secret,xx']) {
      expect(JSON.stringify(refusal(text)) + refusal(text).message).not.toContain('secret')
    }
  })

  test('looks at the size before it decodes, and does not count white space', () => {
    const bytes = Buffer.alloc(3000, 7)
    const base64 = bytes.toString('base64')
    expect(refusal(base64, 2999)).toMatchObject({ errors: [{ pointer, code: 'too_large' }] })
    expect(decodeMedia(base64, pointer, 3000)).toEqual(bytes)
    expect(decodeMedia(base64.replace(/(.{10})/g, '$1\r\n'), pointer, 3000)).toEqual(bytes)
    expect(decodeMedia(`data:image/png;base64,${base64}`, pointer, 3000)).toEqual(bytes)
    expect(decodeMedia(bytes.subarray(0, 2999).toString('base64'), pointer, 2999)).toHaveLength(2999)
  })
})
