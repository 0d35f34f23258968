import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { originOfStray } from './stray-errors.ts'

const folder = join(import.meta.dirname, 'some workflows')
const module = join(folder, 'draw', 'box.ts')
const ours = join(import.meta.dirname, 'serve.ts')

function thrown(...frames: readonly string[]): Error {
  const error = new Error('lost')
  error.stack = ['Error: lost', ...frames.map((frame) => `    at ${frame}`)].join('\n')
  return error
}

const inModule = `generateWorkflow (${pathToFileURL(module).href}?comfyui-api=1a2b3c4d.1:7:3)`
const inTimer = 'listOnTimeout (node:internal/timers:605:17)'

describe('where an error comes from that nobody caught', () => {
  test('is a module when its timer throws', () => {
    const error = thrown(`Timeout._onTimeout (${module}:3:20)`, inTimer)
    expect(originOfStray(error, 'exception', [folder])).toEqual({ isHarmless: true, file: module })
  })

  test('is a module whose function was called and left a rejection behind', () => {
    const error = thrown(inModule, `build (${ours}:1:2)`)
    expect(originOfStray(error, 'rejection', [folder])).toEqual({ isHarmless: true, file: module })
  })

  test('is read of frames without a function, too', () => {
    for (const frame of [`async ${module}:1:2`, `${pathToFileURL(module).href}:1:2`, `async f (${module}:1:2)`]) {
      expect(originOfStray(thrown(frame), 'rejection', [folder])).toEqual({ isHarmless: true, file: module })
    }
  })

  test.each(['rejection', 'exception'] as const)('is not harmless where it is our own (%s)', (kind) => {
    expect(originOfStray(thrown(`f (${ours}:1:2)`, inTimer), kind, [folder]).isHarmless).toBe(false)
  })

  test('is not harmless after an exception that left other code in the middle', () => {
    const error = thrown(inModule, `build (${ours}:1:2)`)
    expect(originOfStray(error, 'exception', [folder])).toEqual({ isHarmless: false, file: module })
    expect(originOfStray(thrown(inTimer), 'exception', [folder]).isHarmless).toBe(false)
  })

  test('stays open of what has no stack: a rejection alone leaves nothing in the middle', () => {
    expect(originOfStray('lost', 'rejection', [folder])).toEqual({ isHarmless: true, file: undefined })
    expect(originOfStray('lost', 'exception', [folder])).toEqual({ isHarmless: false, file: undefined })
  })

  test('is no module where a package lies in its folder, or a folder has a longer name', () => {
    for (const file of [join(folder, 'node_modules', 'p', 'i.js'), join(`${folder} 2`, 'box.ts')]) {
      expect(originOfStray(thrown(`f (${file}:1:2)`), 'rejection', [folder])).toEqual({
        isHarmless: false,
        file: undefined,
      })
    }
  })
})
