import { describe, expect, test } from 'vitest'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import { readNodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import { hasFileLists, withoutUploads, withUploadLists } from './file-lists.ts'

describe('lists of uploads', () => {
  test('are left out, whichever way they are written, and everything else stays', () => {
    const told = {
      LoadImage: {
        input: {
          required: { image: [['x.png'], { image_upload: true }], channel: [['red', 'alpha']] },
          optional: { sound: ['COMBO', { options: ['a.mp3'], audio_upload: true }] },
          hidden: { id: 'UNIQUE_ID' },
        },
        output: ['IMAGE'],
      },
      VHS_LoadVideo: { input: { required: { video: [['a.mp4']] } }, output: ['IMAGE'] },
      Painter: { input: { required: { mask: ['STRING', { image_upload: true }] } }, output: ['MASK'] },
      Odd: 'nothing that is understood',
    }
    expect(withoutUploads(told)).toEqual({
      LoadImage: {
        input: {
          required: { image: ['*', { image_upload: true }], channel: [['red', 'alpha']] },
          optional: { sound: ['*', { audio_upload: true }] },
          hidden: { id: 'UNIQUE_ID' },
        },
        output: ['IMAGE'],
      },
      VHS_LoadVideo: { input: { required: { video: ['*'] } }, output: ['IMAGE'] },
      Painter: told.Painter,
      Odd: told.Odd,
    })
  })
})

describe('for the editor', () => {
  test.each(['LoadImage', 'LoadImageMask', 'LoadAudio', 'LoadVideo', 'LoadLatent'])(
    'the file of %s is a list to choose from, as ComfyUI says it',
    (classType) => {
      const core = coreNode(classType)
      const told = withoutUploads({ [classType]: core })
      const kept = readNodeCatalogue(told, { source: 'a test', comfyuiVersion: '0.33.0' }).lookUp(classType)
      if (core === undefined || kept === undefined) throw new Error('it is not there')
      const shown = withUploadLists(classType, kept)
      const types = (definition: typeof core) =>
        Object.entries(definition.input.required ?? {}).map(([name, [type]]) => [
          name,
          Array.isArray(type) ? 'COMBO' : type,
        ])
      expect(types(kept)).not.toEqual(types(core))
      expect(types(shown)).toEqual(types(core))
      expect(withUploadLists(classType, kept)).toBe(shown)
    },
  )
})

describe('a class is worth asking for again', () => {
  const classOf = (spec: unknown[]) => ({ input: { required: { name: spec } }, output: [] })

  test.each([
    ['names of files', 'Custom', [['a.safetensors', 'None']]],
    ['nothing, since there is no file', 'Custom', ['COMBO', { options: [] }]],
  ])('when its list has %s', (_what, classType, spec) => {
    expect(hasFileLists(classType, classOf(spec))).toBe(true)
  })

  test('when ComfyUI itself has a list of files there', () => {
    const lora = { input: { required: { lora_name: [['some folder']] } }, output: [] }
    expect(hasFileLists('LoraLoader', lora)).toBe(true)
    expect(hasFileLists('Custom', lora)).toBe(false)
  })

  test.each([
    ['a list of other names', [['euler', 'dpmpp_2m']]],
    ['a list that another server fills', [['a.png'], { remote: { route: '/internal/files/output' } }]],
    ['no list', ['STRING', {}]],
  ])('but not with %s', (_what, spec) => {
    expect(hasFileLists('Custom', classOf(spec))).toBe(false)
  })
})
