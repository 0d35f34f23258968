import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHostResolver } from './resolve-host.ts'

const typeA = 1
const refusal = 2
const noSuchName = 3

/** Records by name: IPv4 addresses, IPv6 addresses in hex, or what is wrong. Names without any are not answered. */
const names: Record<string, { v4?: readonly number[][]; v6?: readonly string[]; code?: number; codeOfV6?: number }> = {
  'both.example.com': {
    v4: [
      [1, 2, 3, 4],
      [1, 2, 3, 5],
    ],
    v6: ['26064700470000000000000000001111'],
  },
  'four.example.com': { v4: [[127, 0, 0, 1]] },
  'six.example.com': { v6: ['00000000000000000000000000000001'] },
  'half.example.com': { v4: [[1, 2, 3, 4]], codeOfV6: refusal },
  'empty.example.com': {},
  'unknown.example.com': { code: noSuchName },
  'failing.example.com': { code: refusal },
}

let server: Socket
let asked = 0
let resolveHost: ReturnType<typeof createHostResolver>

beforeAll(async () => {
  server = createSocket('udp4')
  server.on('message', (query, from) => {
    asked += 1
    const { name, end } = nameIn(query)
    const record = names[name]
    if (record === undefined) return
    const type = query.readUInt16BE(end)
    const data = type === typeA ? (record.v4 ?? []).map((bytes) => Buffer.from(bytes)) : (record.v6 ?? []).map(fromHex)
    const code = (type === typeA ? undefined : record.codeOfV6) ?? record.code ?? 0
    server.send(answerTo(query.subarray(0, end + 4), { type, data, code }), from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  resolveHost = createHostResolver({ servers: [`127.0.0.1:${server.address().port}`] })
})
afterAll(() => server.close())

const fromHex = (text: string) => Buffer.from(text, 'hex')
const { signal } = new AbortController()

function nameIn(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function answerTo(question: Buffer, answer: { type: number; data: readonly Buffer[]; code: number }): Buffer {
  const header = Buffer.from(question.subarray(0, 12))
  header.writeUInt16BE(0x8180 | answer.code, 2)
  header.writeUInt16BE(answer.data.length, 6)
  header.writeUInt32BE(0, 8)
  const records = answer.data.map((bytes) => {
    const record = Buffer.alloc(12)
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(answer.type, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt16BE(bytes.length, 10)
    return Buffer.concat([record, bytes])
  })
  return Buffer.concat([header, question.subarray(12), ...records])
}

describe('the addresses of a host', () => {
  test.each([
    ['both.example.com', ['1.2.3.4', '1.2.3.5', '2606:4700:4700::1111']],
    ['four.example.com', ['127.0.0.1']],
    ['six.example.com', ['::1']],
    ['half.example.com', ['1.2.3.4']],
    ['empty.example.com', []],
    ['unknown.example.com', []],
  ])('%s has %j', async (host, expected) => {
    expect([...(await resolveHost(host, signal))].toSorted()).toEqual(expected)
  })

  test('are not known when the name server fails', async () => {
    await expect(resolveHost('failing.example.com', signal)).rejects.toMatchObject({ code: 'ESERVFAIL' })
  })

  test('are asked for no longer than somebody waits for them', async () => {
    const caller = new AbortController()
    const before = asked
    const work = resolveHost('silent.example.com', caller.signal)
    await expect.poll(() => asked).toBeGreaterThan(before)
    caller.abort(new Error('gone'))
    await expect(work).rejects.toThrow('gone')
    await expect(resolveHost('four.example.com', caller.signal)).rejects.toThrow('gone')
  })
})
