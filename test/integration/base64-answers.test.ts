import { randomBytes } from 'node:crypto'
import { request, type IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import type { JobOutput } from '../../src/outputs/job-output.ts'
import { answerAtOnce, MemoryOutputs, startTestApp } from '../support/start-test-app.ts'

const mebibyte = 1024 * 1024

/** A large output that is made as it is read. */
class EndlessOutputs extends MemoryOutputs {
  readonly sizeBytes = 256 * mebibyte
  readBytes = 0
  readonly scanned: number[] = []
  readonly ended = Promise.withResolvers<undefined>()

  override add(jobId: string, index: number, bytes: Buffer, changes: Partial<JobOutput> = {}): JobOutput {
    return super.add(jobId, index, bytes, { ...changes, sizeBytes: this.sizeBytes })
  }

  override async scan(
    _jobId: string,
    index: number,
    visit: (piece: Buffer) => boolean | Promise<boolean>,
  ): Promise<boolean> {
    this.scanned.push(index)
    const piece = randomBytes(192 * 1024)
    do this.readBytes += piece.length
    while (this.readBytes <= this.sizeBytes && (await visit(piece)))
    this.ended.resolve(undefined)
    return true
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
  response.destroy()
  await outputs.ended.promise
  expect(outputs.readBytes).toBeLessThan(outputs.sizeBytes / 2)
  expect(gateway.logged).toEqual([])
})
