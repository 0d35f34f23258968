import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { exampleFiles } from '../../src/cli/workflow-folder-files.ts'
import type { Places } from './places.ts'

const timeoutMs = 60_000

/**
 * Starts what was staged as people start it, and keeps what V8 has compiled until it answers: the binary need not do that
 * again. More would take longer to read than it saves.
 */
export async function warmUp(places: Places): Promise<void> {
  const { stage } = places
  const node = nodeFor(places)
  if (node === undefined) {
    console.log(
      'Nothing is compiled ahead: this machine cannot run the program for the other one, so it starts slower.',
    )
    return
  }
  const scratch = await mkdtemp(join(tmpdir(), 'comfyui-api-warm-up-'))
  try {
    await writeExample(join(scratch, 'workflows'))
    const program = start(node, stage, scratch)
    try {
      const url = await addressOf(program)
      await ask(`${url}/qwen/qwen_base_txt2img`)
      await ask(`${url}/examples/solid_color`)
      const ended = once(program, 'exit')
      program.send('enough')
      await Promise.race([ended, setTimeout(timeoutMs, undefined, { ref: false })])
      if (program.exitCode !== 0) throw new Error('The code that was compiled could not be kept')
    } finally {
      program.kill('SIGKILL')
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function writeExample(folder: string): Promise<void> {
  await mkdir(join(folder, 'examples'), { recursive: true })
  for (const [name, content] of exampleFiles) await writeFile(join(folder, name), content)
}

/** The Node.js that goes into the binary, and what runs it: compiled code fits one kind of processor. */
function nodeFor({ arch, modules }: Places): readonly string[] | undefined {
  const node = join(modules, `node-linux-${arch}`, 'bin', 'node')
  if (arch === process.arch) return [node]
  const emulator = `qemu-${arch === 'arm64' ? 'aarch64' : 'x86_64'}-static`
  return spawnSync(emulator, [node, '--version']).status === 0 ? [emulator, node] : undefined
}

function start([execPath, ...execArgv]: readonly string[], stage: string, scratch: string): ChildProcess {
  const args = ['serve', '--port', '0', '--workflows', join(scratch, 'workflows'), '--log-format', 'json']
  return fork(join(stage, 'boot-and-record.cjs'), [...args, '--data-dir', join(scratch, 'data')], {
    ...(execPath !== undefined && { execPath }),
    execArgv,
    env: {
      PATH: process.env['PATH'],
      QEMU_LD_PREFIX: process.env['QEMU_LD_PREFIX'],
      XDG_CACHE_HOME: join(scratch, 'cache'),
    },
    cwd: scratch,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
}

async function addressOf(program: ChildProcess): Promise<string> {
  let text = ''
  program.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const deadlineMs = performance.now() + timeoutMs
  while (performance.now() < deadlineMs && program.exitCode === null) {
    const url = /"url":"(http:[^"]+)","[^\n]*"msg":"listening"/.exec(text)?.[1]
    if (url !== undefined) return url
    await setTimeout(20)
  }
  throw new Error(`The program did not start:\n${text}`)
}

async function ask(url: string): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`${url} answered ${String(answer.status)}: ${text}`)
}
