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
import type { DocumentBlock } from './read-document.ts'
import { expectAnswer } from './expect-answer.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)
const startsServer = /^(?:[A-Z_]+=\S+ )*(?:npm start|comfyui-api serve)(?= |$)/
const givesKey = /\bCOMFYUI_API_KEY=(\S+)/
const moduleFile = /\.m?[jt]s$/
const makesModule = 'comfyui-api generate-workflow '
const writtenModule = /^(\S+) is written/
const servesFolder = /(?:--workflows |\bWORKFLOW_DIR=)(?:\.\/)?([^\s/]+)/
const waitMs = 60_000

/** How curl ends when its `--max-time` is over, which a page shows where a stream has no end. */
const curlTimeout = 28
const failureSchema = z.object({ code: z.unknown(), stdout: z.string() })

const addressSchema = z.object({ port: z.number() })
const listSchema = z.object({
  data: z.array(z.object({ file: z.string(), generation: z.number() })),
  problems: z.array(z.object({ file: z.string(), reason: z.string() })),
})

type Listed = z.infer<typeof listSchema>

function stateIn({ data, problems }: Listed, file: string): string {
  return JSON.stringify([...data, ...problems].filter((each) => file.endsWith(each.file)))
}

export interface ReaderOptions {
  /** What stands for something that only readers of the page have, such as the address of their ComfyUI. */
  readonly replace?: Readonly<Record<string, string>>
  /** Further variables of the environment. */
  readonly variables?: NodeJS.ProcessEnv
}

/** An empty folder in which somebody follows a page of the documentation, and the server that they start. */
export class DocumentReader {
  readonly folder: string
  /** What the servers wrote. */
  readonly said: string[] = []
  /** The commands so far, word for word. */
  readonly ran: string[] = []
  readonly #port: number
  /** What the environment of a reader has beside that of the tests. */
  readonly variables: NodeJS.ProcessEnv
  readonly #replace: Readonly<Record<string, string>>
  #server: ChildProcess | undefined
  #serverEnded: Promise<unknown> = Promise.resolve()
  #key: string | undefined
  /** The folder whose workflows the server has. */
  #served: string | undefined
  #answer = ''

  private constructor(folder: string, port: number, { replace = {}, variables = {} }: ReaderOptions) {
    this.folder = folder
    this.#port = port
    this.#replace = replace
    this.variables = { ...variables }
  }

  static async begin(options: ReaderOptions = {}): Promise<DocumentReader> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'comfyui-api-page-'))
    await mkdir(path.join(folder, '.bin'))
    await symlink(path.join(root, 'bin', 'comfyui-api.js'), path.join(folder, '.bin', 'comfyui-api'))
    // As in a checkout.
    await symlink(path.join(root, 'bin'), path.join(folder, 'bin'))
    return new DocumentReader(folder, await freePort(), options)
  }

  get url(): string {
    return `http://localhost:${String(this.#port)}`
  }

  /** @throws when the last command did not answer like this */
  expect(answer: DocumentBlock): void {
    expectAnswer(this.#answer, answer)
  }

  /** Writes a file, and waits until the server has seen it when it is a workflow. */
  async write(file: string, content: string): Promise<void> {
    const isWorkflow = moduleFile.test(file) || (file.endsWith('.json') && content.includes('"class_type"'))
    const isServed = this.#served !== undefined && file.startsWith(`${this.#served}/`) && isWorkflow
    const isSeen = isServed ? await this.#stateOf(file) : undefined
    await mkdir(path.dirname(this.path(file)), { recursive: true })
    await writeFile(this.path(file), this.#here(content))
    if (isSeen !== undefined) await this.#untilAnother(file, isSeen)
  }

  async #untilAnother(file: string, state: string): Promise<void> {
    await vi.waitUntil(async () => (await this.#stateOf(file)) !== state, { timeout: waitMs, interval: 50 })
  }

  /**
   * Runs a command in a shell, word for word but for the port and what the options replace. A command that starts the
   * server resolves when the server is ready.
   */
  async shell(command: string): Promise<string> {
    this.ran.push(command)
    this.#answer = ''
    const before = this.#served !== undefined && command.startsWith(makesModule) ? await this.#listed() : undefined
    this.#answer = await this.#run(command)
    const [, made] = writtenModule.exec(this.#answer) ?? []
    if (before !== undefined && made?.startsWith(`${this.#served ?? ''}/`) === true) {
      await this.#untilAnother(made, stateIn(before, made))
    }
    return this.#answer
  }

  async #run(command: string): Promise<string> {
    const here = this.#here(command)
    if (startsServer.test(here)) {
      await this.#start(here)
      return ''
    }
    try {
      const { stdout } = await run('sh', ['-c', here], { cwd: this.folder, env: this.#environment() })
      return stdout
    } catch (error) {
      const { code, stdout } = failureSchema.parse(error)
      if (code === curlTimeout && here.includes('--max-time')) return stdout
      throw error
    }
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
    this.#key = givesKey.exec(command)?.[1]
    this.#served = servesFolder.exec(command)?.[1]
    // npm needs the project, which a reader stands in; what a page calls `./x` is beside it.
    const line = command.includes('npm start')
      ? command
          .replace('npm start', `npm --prefix ${JSON.stringify(root)} start`)
          .replaceAll(/(?<=[ =])\.\//g, `${this.folder}/`)
      : command
    const server = spawn('sh', ['-c', `exec env ${line}`], {
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
    this.#serverEnded = once(server, 'close')
    for (const stream of [server.stdout, server.stderr]) stream.on('data', (data) => this.said.push(String(data)))
    await vi.waitUntil(() => this.#isReady(server), { timeout: waitMs, interval: 100 })
  }

  /** What a reader makes of a text of the page. */
  #here(text: string): string {
    return Object.entries({ 'localhost:3000': `localhost:${String(this.#port)}`, ...this.#replace }).reduce(
      (all, [shown, meant]) => all.replaceAll(shown, meant),
      text,
    )
  }

  async #isReady(server: ChildProcess): Promise<boolean> {
    if (server.exitCode !== null) throw new Error(`the server ended: ${this.said.join('')}`)
    try {
      const headers = this.#key === undefined ? {} : { 'x-api-key': this.#key }
      const answer = await fetch(`${this.url}/ready`, { headers })
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
    if (server.exitCode === null) process.kill(-server.pid, 'SIGTERM')
    await this.#serverEnded
  }

  /** All that the server tells of a file, whatever folder the page put it in. */
  async #stateOf(file: string): Promise<string> {
    return stateIn(await this.#listed(), file)
  }

  async #listed(): Promise<Listed> {
    const answer = await fetch(`${this.url}/workflows`)
    return listSchema.parse(await answer.json())
  }

  #environment(): NodeJS.ProcessEnv {
    const folders = [this.path('.bin'), path.join(root, 'node_modules', '.bin'), process.env['PATH'] ?? '']
    return { ...process.env, ...this.variables, PATH: folders.join(path.delimiter) }
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
