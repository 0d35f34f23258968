import { spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
const sound = `{ '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 0 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } } }`

function moduleOf(body: string, top = ''): string {
  return `import { z } from 'zod'
${top}
export default { RequestSchema: z.object({}), generateWorkflow: () => { ${body} } }
`
}

async function folderOf(modules: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'guarded-'))
  await Promise.all(Object.entries(modules).map(([name, source]) => writeFile(path.join(folder, name), source)))
  return folder
}

async function run(file: string, args: readonly string[]) {
  const child = spawn(process.execPath, [file, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => resolve(signal ?? code))
  })
  const [out, err, end] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { out, err, end }
}

describe('modules that are checked on the command line', () => {
  test('print nothing into the document', async () => {
    const chatty = moduleOf(
      `console.log('building'); process.stdout.write('raw'); return ${sound}`,
      "console.log('loading')",
    )
    const { out, err, end } = await run('src/main.ts', ['check', await folderOf({ 'chatty.ts': chatty }), '--json'])
    expect(JSON.parse(out)).toMatchObject({ summary: { errors: 0, workflows: 1 } })
    expect(err).toMatch(/loading[^]*building[^]*raw/)
    expect(end).toBe(0)
  })

  test('do not end the check as if all were well', async () => {
    const folder = await folderOf({
      'at-import.ts': moduleOf(`return ${sound}`, 'process.exit(0)'),
      'in-function.ts': moduleOf('process.exit(0)'),
      'sound.ts': moduleOf(`return ${sound}`),
    })
    const { out, end } = await run('src/main.ts', ['check', folder, '--json'])
    const { results } = JSON.parse(out) as {
      results: { file: string; verdict: string; problems: { message: string }[] }[]
    }
    expect(results.map(({ file, verdict }) => [path.basename(file), verdict])).toEqual([
      ['at-import.ts', 'broken'],
      ['in-function.ts', 'broken'],
      ['sound.ts', 'accepted'],
    ])
    for (const { problems } of results.slice(0, 2)) expect(problems[0]?.message).toContain('process.exit(0)')
    expect(end).toBe(1)
  })

  test('are broken when they leave errors behind, and the others are checked', async () => {
    const lose = "async function lose() { throw new Error('lost') }"
    const timer = "setTimeout(() => { throw new Error('lost in a timer') }, 0)"
    const folder = await folderOf({
      '_imported.ts': `${lose} void lose(); export const color = 0`,
      'at-import.ts': moduleOf(`return ${sound}`, `${lose} void lose()`),
      'imports.ts': moduleOf(`return ${sound}`, "import { color } from './_imported.ts'\nvoid color"),
      'in-function.ts': moduleOf(`void lose(); return ${sound}`, lose),
      'sound.ts': moduleOf(`return ${sound}`),
      'timer.ts': moduleOf(`${timer}; return ${sound}`),
      // Timers of the same length fire in turn.
      'waits.ts': moduleOf(`return new Promise((done) => setTimeout(done, 0, ${sound}))`),
      'wordless.ts': moduleOf(`void Promise.reject(undefined); return ${sound}`),
    })
    const { out, err, end } = await run('src/main.ts', ['check', folder, '--json'])
    expect(err).not.toContain('    at ')
    const { results } = JSON.parse(out) as {
      results: { file: string; verdict: string; problems: { code: string; message: string }[] }[]
    }
    expect(results.map(({ file, verdict, problems }) => [path.basename(file), verdict, problems[0]?.message])).toEqual([
      ['at-import.ts', 'broken', 'It leaves an error behind that nobody catches: lost'],
      ['imports.ts', 'accepted', undefined],
      ['in-function.ts', 'broken', 'It leaves an error behind that nobody catches: lost'],
      ['sound.ts', 'accepted', undefined],
      ['timer.ts', 'broken', 'It leaves an error behind that nobody catches: lost in a timer'],
      ['waits.ts', 'accepted', undefined],
      ['wordless.ts', 'broken', 'It leaves an error behind that nobody catches: undefined'],
      ['_imported.ts', 'broken', 'It leaves an error behind that nobody catches: lost'],
    ])
    expect(end).toBe(1)
  })

  test('do not hide a mistake of the work itself', async () => {
    const folder = await folderOf({})
    const script = path.join(folder, 'script.ts')
    await writeFile(
      script,
      `import { guardModules } from ${JSON.stringify(path.join(root, 'src/cli/guard-modules.ts'))}
       await guardModules(async ({ watch }) => {
         watch('/elsewhere')
         void Promise.reject(new Error('our own'))
         await new Promise((done) => setTimeout(done, 60_000))
       })`,
    )
    const { err, end } = await run(script, [])
    expect(err).toMatch(/our own[^]* at /)
    expect(end).toBe(1)
  })

  test('are named when they never come back', async () => {
    const folder = await folderOf({ 'endless.ts': moduleOf('for (;;);') })
    const script = path.join(folder, 'script.ts')
    const guard = path.join(root, 'src/cli/guard-modules.ts')
    await writeFile(
      script,
      `import { guardModules } from ${JSON.stringify(guard)}
       await guardModules(async ({ at }) => { at('endless.ts'); for (;;); }, { stallTimeoutMs: 500 })`,
    )
    const { err, end } = await run(script, [])
    expect(err).toContain('endless.ts does not come back')
    expect(end).toBe('SIGKILL')
  })
})
