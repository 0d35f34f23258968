import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isInNetwork, isPublicAddress } from './public-address.ts'

describe('isPublicAddress', () => {
  test.each([
    '1.1.1.1',
    '8.8.8.8',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2001:200::1',
    '2606:4700:4700::1111',
    '2a00:1450:4001::200e',
  ])('%s is one', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  test.each([
    ['0.0.0.0', '0.255.255.255'],
    ['10.0.0.0', '10.255.255.255'],
    ['100.64.0.0', '100.127.255.255'],
    ['127.0.0.0', '127.255.255.255'],
    ['168.63.129.16', '168.63.129.16'],
    ['169.254.0.0', '169.254.255.255'],
    ['172.16.0.0', '172.31.255.255'],
    ['192.0.0.0', '192.0.0.255'],
    ['192.0.2.0', '192.0.2.255'],
    ['192.88.99.0', '192.88.99.255'],
    ['192.168.0.0', '192.168.255.255'],
    ['198.18.0.0', '198.19.255.255'],
    ['198.51.100.0', '198.51.100.255'],
    ['203.0.113.0', '203.0.113.255'],
    ['224.0.0.0', '239.255.255.255'],
    ['240.0.0.0', '255.255.255.255'],
  ])('from %s to %s there is none, mapped into IPv6 or not', (first, last) => {
    fc.assert(
      fc.property(fc.integer({ min: numberOf(first), max: numberOf(last) }), (number) => {
        const address = [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255].join('.')
        expect(isPublicAddress(address)).toBe(false)
        expect(isPublicAddress(`::ffff:${address}`)).toBe(false)
        expect(isPublicAddress(`::${address}`)).toBe(false)
        expect(isPublicAddress(`64:ff9b::${address}`)).toBe(false)
      }),
    )
  })

  test.each([
    '::',
    '::1',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2001:10::1',
    '2001:db8::1',
    '2002:7f00:1::1',
    '2002:808:808::1',
    '3fff::1',
    '5f00::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2606:4700::1%eth0',
    '',
    'localhost',
    '127.1',
    '0x7f.1',
    '1.1.1.1:80',
    '[::1]',
  ])('%j is none', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test('networks hold their own addresses only', () => {
    expect(isInNetwork('10.0.0.0/8', '10.1.2.3')).toBe(true)
    expect(isInNetwork('10.0.0.0/8', '11.1.2.3')).toBe(false)
    expect(isInNetwork('10.0.0.5', '10.0.0.5')).toBe(true)
    expect(isInNetwork('10.0.0.5', '10.0.0.6')).toBe(false)
    expect(isInNetwork('fd00::/8', 'fd12::1')).toBe(true)
    expect(isInNetwork('fd00::/8', '::1')).toBe(false)
    expect(isInNetwork('fd00::/8', 'localhost')).toBe(false)
  })
})

function numberOf(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}
