import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'

export interface Nginx {
  readonly port: number
  close(): Promise<void>
}

const startAttempts = 5
const startMs = 30_000
const pollMs = 20

/** @throws when there is none, saying how to get one */
export function requireNginx(): void {
  if (spawnSync('nginx', ['-v']).error === undefined) return
  throw new Error('No nginx is on the PATH. Install one, such as: apt-get install nginx-light')
}

/** The configuration in docs/proxy.md, as it stands there. */
export async function documentedConfig(): Promise<string> {
  const text = await readFile(new URL('../../docs/proxy.md', import.meta.url), 'utf8')
  const [, block] = /```nginx\n(.*?)```/s.exec(text) ?? []
  if (block === undefined) throw new Error('docs/proxy.md has no nginx configuration')
  return block
}

/**
 * Runs nginx as the document says, but for what only its readers have: the addresses, and the certificate. Everything it
 * writes lies in a folder of its own, so it needs no rights.
 */
export async function startNginx({ config, gatewayPort }: { config: string; gatewayPort: number }): Promise<Nginx> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'comfyui-api-nginx-'))
  // Started by root, its workers are somebody else.
  await chmod(folder, 0o711)
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    await writeFile(path.join(folder, 'nginx.conf'), wholeConfig(config, { folder, gatewayPort, port }))
    const child = spawn('nginx', [
      '-p',
      folder,
      '-e',
      path.join(folder, 'error.log'),
      '-c',
      path.join(folder, 'nginx.conf'),
    ])
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
    const log = await readFile(path.join(folder, 'error.log'), 'utf8')
    // Somebody else may have taken the port meanwhile.
    if (attempt < startAttempts && log.includes('Address already in use')) continue
    await rm(folder, { recursive: true, force: true })
    throw new Error(`nginx did not start: ${log}`)
  }
}

function wholeConfig(
  config: string,
  { folder, gatewayPort, port }: { folder: string; gatewayPort: number; port: number },
): string {
  const server = [
    ['server 127.0.0.1:3000;', `server 127.0.0.1:${gatewayPort};`],
    ['listen 443 ssl;', `listen 127.0.0.1:${port};`],
  ].reduce(
    (text, [documented = '', here = '']) => {
      if (!text.includes(documented)) throw new Error(`the documented configuration has no "${documented}"`)
      return text.replace(documented, here)
    },
    config.replace(/^ *ssl_certificate.*\n/gm, ''),
  )
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${path.join(folder, name)};`,
  )
  return [
    'daemon off;',
    'worker_processes 1;',
    `pid ${path.join(folder, 'nginx.pid')};`,
    'events { worker_connections 512; }',
    'http {',
    'access_log off;',
    ...folders,
    server,
    '}',
  ].join('\n')
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
