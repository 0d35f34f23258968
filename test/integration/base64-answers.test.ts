import { randomBytes } from 'node:crypto'
import { request, type IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { JobOutput } from '../../src/outputs/job-output.ts'
import { answerAtOnce, MemoryOutputs, startTestApp } from '../support/start-test-app.ts'

const mebibyte = 1024 * 1024

/** A large output that is made as it is read. */
class EndlessOutputs extends MemoryOutputs {
  readonly sizeBytes = 256 * mebibyte
  readBytes = 0
  readonly opened: Readable[] = []

  override add(jobId: string, index: number, bytes: Buffer, changes: Partial<JobOutput> = {}): JobOutput {
    return super.add(jobId, index, bytes, { ...changes, sizeBytes: this.sizeBytes })
  }

  override async open(): Promise<Readable> {
    const piece = randomBytes(192 * 1024)
    const stream = new Readable({
      highWaterMark: piece.length,
      read: () => {
        this.readBytes += piece.length
        stream.push(this.readBytes > this.sizeBytes ? null : piece)
      },
    })
    this.opened.push(stream)
    return stream
  }
}

function ask(url: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/test/txt2img`, {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json' },
    })
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
    outgoing.end('{"prompt":"a"}')
  })
}

test('a reader of base64 sets the pace, and one who goes away lets go of the file', async () => {
  const outputs = new EndlessOutputs()
  await using gateway = await startTestApp({ options: { outputs } })
  answerAtOnce({ jobs: gateway.jobs, outputs }, randomBytes(10), randomBytes(10))
  const response = await ask(gateway.url)
  response.on('error', () => {})
  let received = 0
  while (received < mebibyte) {
    const chunk: unknown = response.read()
    if (Buffer.isBuffer(chunk)) received += chunk.length
    else await new Promise((resolve) => response.once('readable', resolve))
  }
  const [first] = outputs.opened
  if (first === undefined) throw new Error('an image is being read')
  const closed = new Promise((resolve) => first.once('close', resolve))
  response.destroy()
  await closed
  expect(outputs.readBytes).toBeLessThan(outputs.sizeBytes / 2)
  expect(outputs.opened).toHaveLength(1)
  expect(gateway.logged).toEqual([])
})
