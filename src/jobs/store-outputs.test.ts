import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import { createLocalOutputStore } from '../outputs/stores/local-output-store.ts'
import { storeOutputs } from './store-outputs.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'outputs-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

function storeTwo(openFile: (filename: string) => Promise<{ body: Buffer }>) {
  const image = (filename: string) => ({ filename, subfolder: '', type: 'output' })
  return storeOutputs({
    jobId: randomUUID(),
    outputs: { 9: { images: [image('a.png'), image('b.png')] } },
    outputNames: {},
    openFile: ({ filename }) => openFile(filename),
    store: createLocalOutputStore({ directory }),
    onStored: () => {},
  })
}

test('keeps all outputs of a job', async () => {
  const stored = await storeTwo(() => Promise.resolve({ body: Buffer.from('bytes') }))
  expect(stored.map(({ index, sizeBytes }) => [index, sizeBytes])).toEqual([
    [0, 5],
    [1, 5],
  ])
  expect(readdirSync(directory)).toHaveLength(2)
})

test('leaves nothing behind when one of the outputs cannot be had', async () => {
  const refused = new ComfyuiError('bad_answer', 'no such file')
  const storing = storeTwo((filename) =>
    filename === 'b.png' ? Promise.reject(refused) : Promise.resolve({ body: Buffer.from('bytes') }),
  )
  await expect(storing).rejects.toBe(refused)
  expect(readdirSync(directory)).toEqual([])
})
