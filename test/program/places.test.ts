import { copyFileSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { createClient } from '../support/call-gateway.ts'
import { ProgramHome, programUnderTest, runProgram, startProgram } from '../support/program.ts'

const isBinary = programUnderTest().args.length === 0
const picture = { prompt: 'a lighthouse', width: 256, height: 256 }

/** Puts a copy of the binary somewhere else, and has `use` run that. */
async function withCopyAt(file: string, use: () => Promise<void>): Promise<void> {
  copyFileSync(programUnderTest().command, file)
  vi.stubEnv('BINARY', file)
  try {
    await use()
  } finally {
    vi.unstubAllEnvs()
  }
}

test.runIf(isBinary)('it works from any path, and by a link', async () => {
  using home = new ProgramHome()
  const folder = home.at("größe 'a' %20 #x")
  mkdirSync(folder)
  await withCopyAt(`${folder}/program`, async () => {
    expect((await runProgram(['render', 'sd15/txt2img', '-p', 'prompt=a red fox'], { home })).output).toContain(
      'red fox',
    )
    symlinkSync(`${folder}/program`, home.at('link'))
    vi.stubEnv('BINARY', home.at('link'))
    expect(await runProgram(['init', 'mine'], { home })).toMatchObject({ code: 0, errors: '' })
    expect(await runProgram(['check', '--strict', 'mine'], { home })).toMatchObject({ code: 0 })
  })
})

test.runIf(isBinary)('it may be replaced while it runs', async () => {
  using home = new ProgramHome()
  await withCopyAt(home.at('program'), async () => {
    await using program = await startProgram(['--demo'], { home, env: { COMFYUI_API_DEMO_STEP_MS: '0' } })
    writeFileSync(home.at('newer'), 'another file')
    renameSync(home.at('newer'), home.at('program'))
    const style = await fetch(`${program.url}/docs/static/swagger-ui.css`)
    expect([style.status, (await style.text()).length > 100_000]).toEqual([200, true])
    // Native code comes out of it only now.
    const client = createClient(() => program.url)
    const answer = await client.post('/qwen/qwen_base_txt2img', picture, { accept: 'image/webp' })
    expect(answer.headers.get('content-type')).toBe('image/webp')
    await answer.arrayBuffer()
    expect(await program.end('SIGTERM')).toBe(0)
  })
})
