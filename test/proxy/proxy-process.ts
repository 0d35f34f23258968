import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

export interface Proxy {
  readonly port: number
  close(): Promise<void>
}

export interface ProxyPlace {
  readonly folder: string
  readonly port: number
}

export interface ProxyCommand {
  /** Of the program. */
  readonly name: string
  config(place: ProxyPlace): string
  arguments(place: ProxyPlace & { readonly configFile: string }): readonly string[]
}

const startAttempts = 5
const startMs = 30_000
const pollMs = 20

/** Runs a proxy on a free port. Everything it writes lies in a folder of its own, so it needs no rights. */
export async function startProxy(command: ProxyCommand): Promise<Proxy> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `comfyui-api-${command.name}-`))
  // Started by root, its workers are somebody else.
  await chmod(folder, 0o711)
  const configFile = path.join(folder, 'proxy.conf')
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    await writeFile(configFile, command.config({ folder, port }))
    const said: string[] = []
    const child = spawn(command.name, command.arguments({ folder, port, configFile }), {
      env: { ...process.env, HOME: folder },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    child.stderr.on('data', (data) => said.push(String(data)))
    if (await answers(child, port)) {
      return {
        port,
        async close() {
          await stop(child)
          await rm(folder, { recursive: true, force: true })
        },
      }
    }
    await stop(child)
    // Somebody else may have taken the port meanwhile.
    if (attempt < startAttempts && /address already in use/i.test(said.join(''))) continue
    await rm(folder, { recursive: true, force: true })
    throw new Error(`${command.name} did not start: ${said.join('')}`)
  }
}

/** Whether it takes connections, before it ends or the time is over. */
async function answers(child: ChildProcess, port: number): Promise<boolean> {
  const deadlineMs = performance.now() + startMs
  while (child.exitCode === null && child.signalCode === null && performance.now() < deadlineMs) {
    const socket = connect(port, '127.0.0.1')
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (isOpen) return true
    await setTimeout(pollMs)
  }
  return false
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}
