import { describe, expect, test, vi } from 'vitest'
import type { ComfyuiEvent } from '../../comfyui/comfyui-event.ts'
import type { FollowHooks } from '../prompt-follower.ts'
import { createSocketImages, withFreshSenders } from './socket-images.ts'

const node = (classType: string) => ({ class_type: classType, inputs: { images: ['1', 0] }, _meta: {} })
const prompt = {
  '1': node('EmptyImage'),
  '2': node('KSampler'),
  '7': node('SaveImageWebsocket'),
  '8': node('ETN_SendImageWebSocket'),
  '9': node('ETN_SaveImageCache'),
}

function frame(text: string, nodeId?: string): Extract<ComfyuiEvent, { type: 'preview' }> {
  return { type: 'preview', promptId: 'p', nodeId, contentType: 'image/png', image: Buffer.from(text) }
}

function hooksOf() {
  const hooks = { executing: vi.fn(), preview: vi.fn() }
  const nothing = () => {}
  const all: FollowHooks = {
    started: nothing,
    cached: nothing,
    progressState: nothing,
    progress: nothing,
    warning: nothing,
    ...hooks,
  }
  return { hooks, all }
}

const heard = { kind: 'success', wasHeard: true } as const
const sentItem = { source: 'websocket', 'content-type': 'image/png', type: 'output' }

describe('images that come over the socket', () => {
  test('are kept in order by their node, and are no previews', () => {
    const images = createSocketImages(prompt)
    const { hooks, all } = hooksOf()
    const watched = images.watch(all)
    watched.executing('2')
    watched.preview(frame('a step', '2'))
    watched.executing('7')
    watched.preview(frame('first', '7'))
    watched.preview(frame('second', '7'))
    watched.executing('8')
    // Old servers do not say whose it is.
    watched.preview(frame('third'))
    expect(hooks.executing.mock.calls).toEqual([['2'], ['7'], ['8']])
    expect(hooks.preview.mock.calls).toEqual([[frame('a step', '2')]])
    expect([0, 1, 2].map((position) => images.get('7', position)?.toString())).toEqual(['first', 'second', undefined])
    expect(images.get('8', 0)?.toString()).toBe('third')
    const outputs = { '8': { images: [sentItem] }, '9': { text: ['seen'] } }
    expect(images.whyMissing({ ...heard, outputs })).toBeUndefined()
    expect(images.amongOutputs(outputs)).toEqual({
      ...outputs,
      '7': { images: [1, 2].map(() => ({ source: 'websocket', 'content-type': 'image/png' })) },
    })
  })

  test('are missing when the end was not heard, or fewer came than the node tells of', () => {
    const images = createSocketImages(prompt)
    expect(images.whyMissing({ ...heard, wasHeard: false, outputs: {} })).toMatch(/connection that broke/)
    expect(images.whyMissing({ ...heard, outputs: { '8': { images: [sentItem] } } })).toMatch(/Node 8 sent fewer/)
    // It may have been left out.
    expect(images.whyMissing({ ...heard, outputs: {} })).toBeUndefined()
  })

  test('are let go of when they are too large to be held', () => {
    const images = createSocketImages(prompt)
    const watched = images.watch(hooksOf().all)
    const large = { ...frame('', '7'), image: Buffer.alloc(50 * 1024 * 1024) }
    for (let count = 0; count < 3; count += 1) watched.preview(large)
    expect(images.areTooLarge).toBe(true)
    expect(images.get('7', 0)).toBeUndefined()
  })

  test('of a prompt without such nodes nothing is looked at', () => {
    const images = createSocketImages({ '1': node('EmptyImage'), '9': node('SaveImage') })
    const { all } = hooksOf()
    expect(images.watch(all)).toBe(all)
    expect([images.areExpected, createSocketImages(prompt).areExpected]).toEqual([false, true])
    expect(images.whyMissing({ ...heard, wasHeard: false, outputs: {} })).toBeUndefined()
    const outputs = { '9': { images: [{ filename: 'a.png' }, sentItem] } }
    expect(images.amongOutputs(outputs)).toEqual({
      '9': { images: [{ filename: 'a.png' }, { ...sentItem, source: 'unheard' }] },
    })
  })
})

test('nodes that send only what they have not sent before get an input that differs each time', () => {
  const [first, second] = [withFreshSenders(prompt), withFreshSenders(prompt)]
  expect(first['8']?.inputs).toMatchObject({ images: ['1', 0], comfyui_api_run: expect.any(String) })
  expect(first['8']?.inputs).not.toEqual(second['8']?.inputs)
  expect(first['9']?.inputs).not.toEqual(second['9']?.inputs)
  expect(first['7']).toBe(prompt['7'])
  const others = { '1': node('EmptyImage') }
  expect(withFreshSenders(others)).toBe(others)
})
