import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { chooseModulePlace, moduleName } from './module-place.ts'

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'place-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test.each([
  ['My Flow (2)', 'my_flow_2'],
  ['Flöw_ÄÖ', 'flow_ao'],
  ['sd3.5_large-v1.0', 'sd3_5_large-v1_0'],
  ['__draft__', 'draft'],
  ['3D', '3d'],
  ['画像', undefined],
  ['', undefined],
])('%s is called %s', (title, name) => {
  expect(moduleName(title)).toBe(name)
})

describe('the place of a module', () => {
  test('is in the first folder, under the name of the export', () => {
    const place = chooseModulePlace({ target: undefined, folders: ['/a/mine', '/b'], title: 'My Flow' })
    expect(place).toEqual({
      path: '/a/mine/my_flow.ts',
      folder: '/a/mine',
      route: 'my_flow',
      copyPath: '/a/workflow_templates/my_flow.json',
    })
  })

  test('is in the innermost folder that has it', () => {
    const place = chooseModulePlace({ target: '/a/b/c/d.mts', folders: ['/a', '/a/b'], title: undefined })
    expect(place).toMatchObject({ folder: '/a/b', route: 'c/d', copyPath: '/a/workflow_templates/c/d.json' })
  })

  test.each([
    ['x.ts', 'x.js'],
    ['x.mjs', 'x.ts'],
  ])('is not beside %s as %s, with the same route', (there, wanted) => {
    const folder = makeFolder()
    writeFileSync(join(folder, there), '')
    const options = { folders: [folder], title: undefined }
    expect(() => chooseModulePlace({ target: join(folder, wanted), ...options })).toThrow(GatewayError)
    expect(chooseModulePlace({ target: join(folder, there), ...options }).route).toBe('x')
  })

  test('is in a folder that init has made, or that is called workflows', () => {
    const folder = makeFolder()
    mkdirSync(join(folder, 'mine/.comfyui-api'), { recursive: true })
    const marked = chooseModulePlace({ target: join(folder, 'mine/draw/box.ts'), folders: [], title: undefined })
    expect(marked).toMatchObject({ folder: join(folder, 'mine'), route: 'draw/box' })
    expect(marked.copyPath).toBe(join(folder, 'workflow_templates/draw/box.json'))
    const named = chooseModulePlace({ target: join(folder, 'x/workflows/draw/box.ts'), folders: [], title: undefined })
    expect(named).toMatchObject({ folder: join(folder, 'x/workflows'), route: 'draw/box' })
  })

  test('is in the outermost folder from here, where nothing else tells', () => {
    const place = chooseModulePlace({ target: 'mine/draw/box.ts', folders: [], title: undefined })
    expect(place).toMatchObject({ folder: resolve('mine'), route: 'draw/box' })
    expect(place.copyPath).toBe(resolve('workflow_templates/draw/box.json'))
  })

  test('has its copy with it where nothing is known of the folder, as no route', () => {
    const folder = makeFolder()
    const place = chooseModulePlace({ target: folder, folders: [], title: 'Box' })
    expect(place).toMatchObject({ folder, route: 'box', copyPath: join(folder, '_workflow_templates/box.json') })
  })

  test.each([
    ['/a/b.json', 'ends in .ts'],
    ['/a/b.d.ts', 'cannot be part of a route'],
    ['/a/b c.ts', '"b c" cannot be part of a route'],
    ['/a/_b/c.ts', '"_b" cannot be part of a route'],
    ['/a/workflows.ts', '/workflows is a route of the server itself'],
    ['/a/jobs/b.ts', '/jobs is a route of the server itself'],
    ['/a/', 'Say what the module is called'],
  ])('is refused: %s', (target, message) => {
    const choose = () => chooseModulePlace({ target, folders: ['/a'], title: undefined })
    expect(choose).toThrow(GatewayError)
    expect(choose).toThrow(message)
  })

  test('is a folder where it is called like a module and is one', () => {
    const folder = makeFolder()
    mkdirSync(join(folder, 'odd.ts'))
    const place = chooseModulePlace({ target: join(folder, 'odd.ts'), folders: [join(folder, 'odd.ts')], title: 'Box' })
    expect(place).toMatchObject({ path: join(folder, 'odd.ts/box.ts'), route: 'box' })
  })
})
