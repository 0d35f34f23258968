import { writeFileSync } from 'node:fs'
import { connect, type AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { createSimulator } from '../../src/simulator/simulator.ts'
import { createClient } from '../support/call-gateway.ts'
import { makeCertificate } from '../support/make-certificate.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { ProgramHome, startProgram } from '../support/program.ts'

const picture = { prompt: 'a lighthouse', width: 256, height: 256 }

/** Lets programs speak TLS with a server on the loopback that does not. */
async function createTlsFront(
  port: number,
): Promise<AsyncDisposable & { readonly url: string; readonly cert: string }> {
  const { key, cert } = makeCertificate('127.0.0.1')
  const server = createServer({ key, cert }, (outer) => {
    const inner = connect(port, '127.0.0.1')
    outer.on('error', () => inner.destroy()).pipe(inner)
    inner.on('error', () => outer.destroy()).pipe(outer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    cert,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

test('an instance behind TLS is followed, and runs of it are told to a collector', async () => {
  using home = new ProgramHome()
  const simulator = await createSimulator()
  await using front = await createTlsFront(Number(new URL(simulator.url).port))
  await using collector = await new OtlpReceiver().listen()
  writeFileSync(home.at('authority.pem'), front.cert)
  const env = { NODE_EXTRA_CA_CERTS: home.at('authority.pem'), OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }
  const program = await startProgram(['--comfyui-url', front.url, '--data-dir', home.at('data')], { home, env })
  try {
    const client = createClient(() => program.url)
    const result = await client.run('/qwen/qwen_base_txt2img', picture)
    expect(result.status).toBe('succeeded')
    const bytes = await client.bytes(`/jobs/${result.id}/outputs/0`)
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([256, 256])
    expect(await program.end('SIGTERM')).toBe(0)
    expect(collector.spans.map(({ name }) => name)).toContain('run')
  } finally {
    await program[Symbol.asyncDispose]()
    await simulator.close()
  }
})
