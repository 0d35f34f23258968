import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nameOutput } from './name-output.ts'

const jobId = '1a2b3c4d-0000-4000-8000-000000000000'
const first = { workflow: 'qwen/qwen_base_txt2img', jobId, index: 0, outputName: 'image', filename: 'x_00001_.png' }

test.each([
  [first, 'qwen_base_txt2img-image-1a2b3c4d.png'],
  [{ ...first, index: 2 }, 'qwen_base_txt2img-image-1a2b3c4d-2.png'],
  [{ ...first, outputName: undefined }, 'qwen_base_txt2img-1a2b3c4d.png'],
  [{ ...first, jobId: 'order-17' }, 'qwen_base_txt2img-image-order-17.png'],
  [{ ...first, workflow: 'prompt', filename: 'A.GLB' }, 'prompt-image-1a2b3c4d.glb'],
  [{ ...first, outputName: 'Größe: 1/2' }, 'qwen_base_txt2img-Größe_1_2-1a2b3c4d.png'],
  [{ ...first, filename: 'no extension' }, 'qwen_base_txt2img-image-1a2b3c4d'],
  [{ ...first, filename: 'a.so bad' }, 'qwen_base_txt2img-image-1a2b3c4d'],
])('%j is %s', (of, name) => {
  expect(nameOutput(of)).toBe(name)
})

test('is a good name on every system, whatever it is made of', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 })
  const path = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,70}(\/[A-Za-z0-9][A-Za-z0-9_-]{0,70})?$/)
  const jobIds = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/), fc.uuid())
  fc.assert(
    fc.property(path, jobIds, text, text, fc.nat(), (workflow, jobId, outputName, filename, index) => {
      const name = nameOutput({ workflow, jobId, index, outputName, filename })
      expect(Buffer.byteLength(name)).toBeLessThan(255)
      expect(name).toMatch(/^[\p{L}\p{M}\p{N}_-]+(\.[a-z0-9]{1,10})?$/u)
      expect(name).not.toMatch(/^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i)
    }),
    { numRuns: 300 },
  )
})

test('outputs of one job never have the same name', () => {
  const output = fc.record({
    outputName: fc.option(fc.constantFrom('image', 'mask', '1', ''), { nil: undefined }),
    filename: fc.constantFrom('a.png', 'b.png', 'a'),
  })
  fc.assert(
    fc.property(fc.array(output, { maxLength: 12 }), (outputs) => {
      const names = outputs.map((each, index) => nameOutput({ workflow: 'w', jobId, index, ...each }))
      expect(new Set(names).size).toBe(names.length)
    }),
  )
})
