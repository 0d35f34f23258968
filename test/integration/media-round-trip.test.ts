import { createHash } from 'node:crypto'
import tls from 'node:tls'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { assetSchema } from '../../src/http/schemas/asset.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { filledPicture } from '../../src/simulator/drawing/picture.ts'
import { encodeVideo } from '../../src/simulator/media/encode-video.ts'
import { writeMp4 } from '../../src/simulator/media/write-mp4.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { makeCertificate } from '../support/make-certificate.ts'
import { startMediaServer, type MediaServer } from '../support/media-server.ts'
import { type RunningGateway, startGateway } from '../support/start-gateway.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

/** A module that gives what it takes back. */
function passing(parameters: string, graph: string): string {
  return `import { z } from 'zod'
import { audio, defineWorkflow, image, mask, video } from 'comfyui-api'

export default defineWorkflow({
  RequestSchema: z.object({ ${parameters} }),
  generateWorkflow: (input) => (${graph}),
})
`
}

const saveImage = (from: string) => `{ class_type: 'SaveImage', inputs: { images: ${from}, filename_prefix: 'x' } }`
const maskToImage = `{ class_type: 'MaskToImage', inputs: { mask: ['1', 1] } }`

const modules = {
  'pass/image.ts': passing(
    'file: image()',
    `{ '1': { class_type: 'LoadImage', inputs: { image: input.file } }, '9': ${saveImage(`['1', 0]`)} }`,
  ),
  'pass/alpha.ts': passing(
    'file: image()',
    `{ '1': { class_type: 'LoadImage', inputs: { image: input.file } }, '2': ${maskToImage}, '9': ${saveImage(`['2', 0]`)} }`,
  ),
  'pass/mask.ts': passing(
    'file: image(), mask: mask()',
    `{
      '1': { class_type: 'LoadImage', inputs: { image: input.file } },
      '2': { class_type: 'LoadImageMask', inputs: { image: input.mask, channel: 'red' } },
      '3': { class_type: 'MaskToImage', inputs: { mask: ['2', 0] } },
      '4': { class_type: 'ImageBatch', inputs: { image1: ['1', 0], image2: ['3', 0] } },
      '9': ${saveImage(`['4', 0]`)},
    }`,
  ),
  'pass/sound.ts': passing(
    'file: audio()',
    `{
      '1': { class_type: 'LoadAudio', inputs: { audio: input.file } },
      '9': { class_type: 'SaveAudio', inputs: { audio: ['1', 0], filename_prefix: 'x' } },
    }`,
  ),
  'pass/film.ts': passing(
    'file: video()',
    `{
      '1': { class_type: 'LoadVideo', inputs: { file: input.file } },
      '9': {
        class_type: 'SaveVideo',
        inputs: { video: ['1', 0], filename_prefix: 'x', format: 'auto', 'format.codec': 'auto' },
      },
    }`,
  ),
}

const folder = new WorkflowFolder(modules)
const usualAuthorities = tls.getCACertificates('default')
const certificate = makeCertificate('127.0.0.1')
let simulator: Simulator
let gateway: RunningGateway
let files: MediaServer
/** What lies at the paths of the server that URLs lead to. */
const published = new Map<string, Buffer>()

beforeAll(async () => {
  tls.setDefaultCACertificates([...usualAuthorities, certificate.cert])
  files = await startMediaServer((request, response) => void response.end(published.get(request.url ?? '')), {
    tls: certificate,
  })
  simulator = await createSimulator({ stepDelayMs: 0 })
  gateway = await startGateway({
    flags: { comfyuiUrl: [simulator.url], workflows: [folder.path], urlAllow: [`127.0.0.1:${files.port}`] },
  })
})
afterAll(async () => {
  await gateway.close()
  await simulator.close()
  await files[Symbol.asyncDispose]()
  tls.setDefaultCACertificates(usualAuthorities)
  folder[Symbol.dispose]()
})

let seed = 0

/** A picture of which no two are equal. */
function picture(width: number, height: number, hasAlpha = false): PNG {
  const png = new PNG({ width, height })
  seed += 1
  for (const at of png.data.keys()) png.data[at] = at % 4 === 3 && !hasAlpha ? 255 : (at * 31 + seed * 97) % 256
  return png
}

/** Noise of two channels. */
function pcm(): Buffer {
  seed += 1
  return Buffer.from(Array.from({ length: 4 * 5001 }, (_, at) => (at * 131 + seed * 57) % 256))
}

function wavOf(samples: Buffer): Buffer {
  const head = Buffer.alloc(44)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(36 + samples.length, 4)
  head.write('WAVEfmt ', 8, 'latin1')
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(2, 22)
  head.writeUInt32LE(44_100, 24)
  head.writeUInt32LE(44_100 * 4, 28)
  head.writeUInt16LE(4, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36, 'latin1')
  head.writeUInt32LE(samples.length, 40)
  return Buffer.concat([head, samples])
}

/** The ways in which a file gets into a request, as the body of one. */
const forms: Record<string, (bytes: Buffer, mediaType: string) => Promise<string | FormData> | string | FormData> = {
  'an https URL': (bytes) => {
    const path = `/${createHash('sha256').update(bytes).digest('hex')}`
    published.set(path, bytes)
    return JSON.stringify({ file: files.url + path })
  },
  'a data URI': (bytes, type) => JSON.stringify({ file: `data:${type};base64,${bytes.toString('base64')}` }),
  base64: (bytes) => JSON.stringify({ file: bytes.toString('base64') }),
  'a part of a form': (bytes) => {
    const form = new FormData()
    form.append('file', new File([bytes], 'x'))
    return form
  },
  'an asset': async (bytes) => {
    const response = await fetch(`${gateway.url}/assets`, { method: 'POST', body: bytes })
    return JSON.stringify({ file: { asset: assetSchema.parse(await response.json()).id } })
  },
}

async function run(workflow: string, body: string | FormData, accept: string): Promise<Buffer> {
  const response = await fetch(`${gateway.url}/${workflow}`, {
    method: 'POST',
    body,
    headers: { accept, ...(typeof body === 'string' && { 'content-type': 'application/json' }) },
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  expect(response.status, bytes.toString('latin1', 0, 500)).toBe(200)
  return bytes
}

describe.each(Object.entries(forms))('as %s', (_form, send) => {
  test('a picture comes back with every pixel', async () => {
    const sent = picture(37, 23)
    const body = await send(PNG.sync.write(sent, { colorType: 2 }), 'image/png')
    const { width, height, data } = PNG.sync.read(await run('pass/image', body, 'image/png'))
    expect({ width, height }).toEqual({ width: 37, height: 23 })
    expect(data.equals(sent.data)).toBe(true)
  })

  test('a sound comes back with every sample', async () => {
    const samples = pcm()
    const flac = await run('pass/sound', await send(wavOf(samples), 'audio/wav'), 'audio/*')
    expect(flac.toString('latin1', 0, 4)).toBe('fLaC')
    const counts = flac.readBigUInt64BE(18)
    expect([counts >> 44n, (counts >> 41n) & 7n, counts & 0xf_ffff_ffffn]).toEqual([44_100n, 1n, 5001n])
    // The format has the sum of what was there before it was encoded.
    expect(flac.toString('hex', 26, 42)).toBe(createHash('md5').update(samples).digest('hex'))
  })

  test('a film comes back with its stream', async () => {
    seed += 1
    const film = writeMp4(encodeVideo(filledPicture(32, 32, seed * 54_321), 4), 8)
    expect((await run('pass/film', await send(film, 'video/mp4'), 'video/*')).equals(film)).toBe(true)
  })
})

describe('a mask', () => {
  test('is what is transparent in a picture', async () => {
    const sent = picture(19, 11, true)
    const body = forms['a part of a form']?.(PNG.sync.write(sent), 'image/png')
    if (!(body instanceof FormData)) throw new Error('a form was made')
    const { width, height, data } = PNG.sync.read(await run('pass/alpha', body, 'image/png'))
    expect({ width, height }).toEqual({ width: 19, height: 11 })
    for (let at = 0; at < data.length; at += 4) expect(data[at]).toBe(255 - (sent.data[at + 3] ?? 0))
  })

  test('is a file of its own', async () => {
    const sent = picture(16, 12)
    const mask = picture(16, 12)
    const form = new FormData()
    form.append('file', new File([PNG.sync.write(sent)], 'picture'))
    form.append('mask', new File([PNG.sync.write(mask)], 'mask'))
    const response = await fetch(`${gateway.url}/pass/mask`, { method: 'POST', body: form })
    const { images } = resultSchema.parse(await response.json())
    expect(images).toHaveLength(2)
    const [first, second] = images.map((image) => PNG.sync.read(Buffer.from(image, 'base64')))
    expect(first?.data.equals(sent.data)).toBe(true)
    for (let at = 0; at < mask.data.length; at += 4) expect(second?.data[at]).toBe(mask.data[at])
  })
})
