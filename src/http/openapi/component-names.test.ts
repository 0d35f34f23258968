import fc from 'fast-check'
import { expect, test } from 'vitest'
import { componentNames } from './component-names.ts'

test.each([
  ['qwen/qwen_base_txt2img', 'QwenBaseTxt2img'],
  ['sdxl/txt2img', 'SdxlTxt2img'],
  ['a/b/c-d', 'ABCD'],
  ['1st/2nd', 'W1st2nd'],
  ['single', 'Single'],
])('%s is named %s', (workflow, name) => {
  expect(componentNames([workflow]).get(workflow)).toBe(name)
})

test('workflows whose short names are equal keep their full ones', () => {
  expect([...componentNames(['qwen/qwen_edit', 'qwen/edit'])]).toEqual([
    ['qwen/qwen_edit', 'QwenQwenEdit'],
    ['qwen/edit', 'QwenEdit'],
  ])
})

test('every workflow has a name of its own that can be an identifier', () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,3}$/)
  const workflow = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'))
  fc.assert(
    fc.property(fc.uniqueArray(workflow, { maxLength: 30 }), (workflows) => {
      const names = componentNames(workflows)
      expect([...names.keys()]).toEqual(workflows)
      expect(new Set(names.values()).size).toBe(workflows.length)
      for (const name of names.values()) expect(name).toMatch(/^[A-Za-z][A-Za-z0-9]*$/)
    }),
  )
})
