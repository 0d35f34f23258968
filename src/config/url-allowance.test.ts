import { describe, expect, test } from 'vitest'
import { urlAllowance } from './url-allowance.ts'

describe('what may be fetched', () => {
  test.each([
    ['cdn.example.com', { kind: 'host', host: 'cdn.example.com', port: undefined }],
    ['CDN.Example.com.:8443', { kind: 'host', host: 'cdn.example.com', port: 8443 }],
    ['bücher.example', { kind: 'host', host: 'xn--bcher-kva.example', port: undefined }],
    ['minio:9000', { kind: 'host', host: 'minio', port: 9000 }],
    ['*.example.com', { kind: 'suffix', host: 'example.com', port: undefined }],
    ['.example.com:80', { kind: 'suffix', host: 'example.com', port: 80 }],
    ['10.0.0.5', { kind: 'network', network: '10.0.0.5', port: undefined }],
    ['10.0.0.5:9000', { kind: 'network', network: '10.0.0.5', port: 9000 }],
    ['10.0.0.0/8', { kind: 'network', network: '10.0.0.0/8', port: undefined }],
    ['10.0.0.0/8:9000', { kind: 'network', network: '10.0.0.0/8', port: 9000 }],
    ['fd00::5', { kind: 'network', network: 'fd00::5', port: undefined }],
    ['fd00::/8', { kind: 'network', network: 'fd00::/8', port: undefined }],
    ['[fd00::5]:9000', { kind: 'network', network: 'fd00::5', port: 9000 }],
    ['[fd00::]/8:9000', { kind: 'network', network: 'fd00::/8', port: 9000 }],
  ])('%s is understood', (text, expected) => {
    expect(urlAllowance.schema.parse(text)).toEqual(expected)
  })

  test.each([
    '',
    '*',
    '.',
    '*.',
    'a..b',
    'https://cdn.example.com',
    'cdn.example.com/path',
    'user@cdn.example.com',
    'cdn.*.com',
    'cdn.example.com:0',
    'cdn.example.com:65536',
    'cdn.example.com:http',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.5:99999',
    '010.0.0.5',
    '0x7f000001',
    '2130706433',
    'fd00::/129',
    '[fd00::5',
    'fe80::1%eth0',
    'a b',
  ])('%j is not', (text) => {
    expect(urlAllowance.schema.safeParse(text).success).toBe(false)
  })
})
