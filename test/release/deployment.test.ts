import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { validate } from 'dockerfile-utils'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { settings } from '../../src/config/settings.ts'

const run = promisify(execFile)
const root = new URL('../../', import.meta.url)
const textOf = (file: string) => readFileSync(new URL(file, root), 'utf8')
const knownNames = new Set([
  ...Object.values(settings).map(({ env }) => env),
  ...['NODE_ENV', 'XDG_CACHE_HOME', 'COMFYUI_IMAGE', 'WORKFLOWS'],
])

describe.each(['Dockerfile', 'Dockerfile.binary'])('%s', (file) => {
  const text = textOf(file)

  test('has no mistakes', () => {
    expect(validate(text)).toEqual([])
  })

  test('copies what there is', () => {
    const copied = [...text.matchAll(/^COPY (?!--from)(?:--\S+ )*(.+) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    )
    expect(copied.length).toBeGreaterThan(0)
    // The program is built by the command that the file names.
    for (const path of copied) if (path !== 'bin/comfyui-api') expect(existsSync(new URL(path, root)), path).toBe(true)
  })

  test('sets only what is a setting, and listens beyond the container as another user than root', () => {
    const names = [...text.matchAll(/^(?:ENV|\s{4})\s*([A-Z_]+)=/gm)].map(([, name = '']) => name)
    expect(names).toEqual(expect.arrayContaining(['HOST', 'COMFYUI_API_DATA_DIR']))
    for (const name of names) expect(knownNames, name).toContain(name)
    expect(text).toMatch(/^USER (?!root)/m)
    expect(text).toMatch(/^HEALTHCHECK .*"health"\]$/m)
  })
})

test('the image with Node.js holds all that the package holds', () => {
  const { files } = z.object({ files: z.array(z.string()) }).parse(JSON.parse(textOf('package.json')))
  const copied = [...textOf('Dockerfile').matchAll(/\/app\/([\w.-]+)/g)].map(([, path = '']) => path)
  // Nothing of these is read at run time.
  const unread = ['docs', 'CHANGELOG.md']
  const needed = files.filter((file) => !file.startsWith('!') && !unread.includes(file))
  expect(copied).toEqual(expect.arrayContaining(needed))
  expect(textOf('Dockerfile')).toContain('/app/bin/package.json')
})

describe('docker-compose.yml', () => {
  const serviceSchema = z.looseObject({
    image: z.string(),
    ports: z.array(z.string()).optional(),
    healthcheck: z.looseObject({ test: z.array(z.string()) }),
    environment: z.record(z.string(), z.string()).optional(),
    command: z.array(z.string()).optional(),
    volumes: z.array(z.string()),
  })
  const text = textOf('docker-compose.yml')
  const { services, volumes } = z
    .looseObject({
      services: z.object({ comfyui: serviceSchema, 'comfyui-api': serviceSchema }),
      volumes: z.record(z.string(), z.null()),
    })
    .parse(parse(text))
  const api = services['comfyui-api']

  test('runs both side by side, and lets nobody but the gateway to ComfyUI', () => {
    expect(services.comfyui.ports).toBeUndefined()
    expect(api.command).toEqual(['serve', '--comfyui-url', 'http://comfyui:8188'])
    expect(api.environment).toMatchObject({ HOST: '0.0.0.0' })
    expect(api.environment?.['COMFYUI_API_KEY']).toMatch(/^\$\{COMFYUI_API_KEY:\?/)
  })

  test('sets only what is a setting', () => {
    const names = [
      ...Object.keys(api.environment ?? {}),
      ...[...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name),
    ]
    for (const name of names) expect(knownNames, name).toContain(name)
  })

  test('names every volume that it uses, and those of the image', () => {
    const named = [...services.comfyui.volumes, ...api.volumes].map((volume) => volume.split(':')[0] ?? '')
    expect(named.filter((name) => !/^[.$]/.test(name)).toSorted()).toEqual(Object.keys(volumes).toSorted())
    for (const place of ['/data', '/workflows']) expect(api.volumes.join('\n')).toContain(`:${place}`)
  })
})

describe('the unit of systemd', () => {
  const unit = textOf('deploy/comfyui-api.service')

  test('sets only what is a setting, like the file with its environment', () => {
    const inUnit = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, list = '']) => list.split(' '))
    const inFile = [...textOf('deploy/comfyui-api.env').matchAll(/^#?([A-Z_]+=.*)$/gm)].map(([, line = '']) => line)
    expect([inUnit.length, inFile.length]).toEqual([3, 5])
    for (const line of [...inUnit, ...inFile]) expect(knownNames, line).toContain(line.split('=')[0])
  })

  test('is taken by systemd, and is hardened', async ({ skip }) => {
    const file = fileURLToPath(new URL('deploy/comfyui-api.service', root))
    const analyze = (...args: string[]) => run('systemd-analyze', [...args, file], { encoding: 'utf8' })
    if (
      await run('systemd-analyze', ['--version']).then(
        () => false,
        () => true,
      )
    )
      skip('there is no systemd-analyze')
    const { stderr } = await analyze('verify').catch((error: unknown) => z.object({ stderr: z.string() }).parse(error))
    // The program is not installed on a machine that only tests.
    const complaints = stderr.split('\n').filter((line) => line !== '' && !line.includes('is not executable'))
    expect(complaints).toEqual([])
    const { stdout } = await analyze('security', '--offline=true')
    const [, exposure = '10'] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout) ?? []
    expect(Number(exposure)).toBeLessThan(2)
  })
})
