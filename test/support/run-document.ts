import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { z } from 'zod'
import type { DocumentStep } from './read-document.ts'
import { expectAnswer } from './expect-answer.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const startsServer = /^(?:npm start\b|comfyui-api serve\b)/
const moduleFile = /\.m?[jt]s$/
const waitMs = 60_000

const addressSchema = z.object({ port: z.number() })
const listSchema = z.object({
  data: z.array(z.object({ file: z.string(), generation: z.number() })),
  problems: z.array(z.object({ file: z.string(), reason: z.string() })),
})

/** An empty folder in which somebody follows a page of the documentation, and the server that they start. */
export class DocumentReader {
  readonly folder: string
  /** What the server wrote. */
  readonly said: string[] = []
  readonly #port: number
  #server: ChildProcess | undefined

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.#port = port
  }

  static async begin(): Promise<DocumentReader> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'comfyui-api-page-'))
    await mkdir(path.join(folder, '.bin'))
    await symlink(path.join(root, 'bin', 'comfyui-api.js'), path.join(folder, '.bin', 'comfyui-api'))
    return new DocumentReader(folder, await freePort())
  }

  get url(): string {
    return `http://localhost:${String(this.#port)}`
  }

  /** Does what a step says. @throws when a command fails or its answer is not what the page shows */
  async follow(step: DocumentStep): Promise<void> {
    if (step.kind === 'write') return this.write(step.file, step.content)
    let answer = ''
    for (const command of step.commands) answer = await this.shell(command)
    if (step.answer !== undefined) expectAnswer(answer, step.answer)
  }

  /** Writes a file, and waits until the server has seen it when it is a module. */
  async write(file: string, content: string): Promise<void> {
    const isSeen = this.#server !== undefined && moduleFile.test(file) ? await this.#stateOf(file) : undefined
    await mkdir(path.dirname(this.path(file)), { recursive: true })
    await writeFile(this.path(file), content)
    if (isSeen === undefined) return
    await vi.waitUntil(async () => (await this.#stateOf(file)) !== isSeen, { timeout: waitMs, interval: 50 })
  }

  /**
   * Runs a command in a shell, word for word but for the port. A command that starts the server resolves when the server
   * is ready.
   */
  async shell(command: string): Promise<string> {
    if (startsServer.test(command)) {
      await this.#start(command)
      return ''
    }
    const { stdout } = await run(
      'sh',
      ['-c', command.replaceAll('localhost:3000', `localhost:${String(this.#port)}`)],
      {
        cwd: this.folder,
        env: this.#environment(),
      },
    )
    return stdout
  }

  path(name: string): string {
    return path.join(this.folder, name)
  }

  read(name: string): Promise<Buffer> {
    return readFile(this.path(name))
  }

  async end(): Promise<void> {
    await this.#stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  async #start(command: string): Promise<void> {
    await this.#stop()
    // npm needs the project, which a reader stands in; what a page calls `./x` is beside it.
    const line = command.startsWith('npm start')
      ? `npm --prefix ${JSON.stringify(root)} start${command.slice('npm start'.length)}`.replaceAll(
          ' ./',
          ` ${this.folder}/`,
        )
      : command
    const server = spawn('sh', ['-c', `exec ${line}`], {
      cwd: this.folder,
      // A group of its own, because npm starts a shell that starts the program.
      detached: true,
      env: {
        ...this.#environment(),
        PORT: String(this.#port),
        COMFYUI_API_DATA_DIR: this.path('data'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#server = server
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => this.said.push(String(data)))
    await vi.waitUntil(() => this.#isReady(server), { timeout: waitMs, interval: 100 })
  }

  async #isReady(server: ChildProcess): Promise<boolean> {
    if (server.exitCode !== null) throw new Error(`the server ended: ${this.said.join('')}`)
    try {
      const answer = await fetch(`${this.url}/ready`)
      await answer.arrayBuffer()
      return answer.status === 200
    } catch {
      return false
    }
  }

  async #stop(): Promise<void> {
    const server = this.#server
    if (server?.pid === undefined) return
    this.#server = undefined
    const ended = once(server, 'close')
    if (server.exitCode === null) process.kill(-server.pid, 'SIGTERM')
    await ended
  }

  /** All that the server tells of a file, whatever folder the page put it in. */
  async #stateOf(file: string): Promise<string> {
    const answer = await fetch(`${this.url}/workflows`)
    const { data, problems } = listSchema.parse(await answer.json())
    return JSON.stringify([...data, ...problems].filter((each) => file.endsWith(each.file)))
  }

  #environment(): NodeJS.ProcessEnv {
    const folders = [this.path('.bin'), path.join(root, 'node_modules', '.bin'), process.env['PATH'] ?? '']
    return { ...process.env, PATH: folders.join(path.delimiter) }
  }
}

/** Tests run beside each other, so the one that pages name would be somebody else's. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = addressSchema.parse(probe.address())
  probe.close()
  await once(probe, 'close')
  return port
}
