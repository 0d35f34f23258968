import type { ServerResponse } from 'node:http'
import type { FileRoot, FileStore } from '../file-store.ts'
import { HttpStatusError, sendBytes, serverTrouble, type SendBytes } from '../routes/http-exchange.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { ReachMoment } from './moment-faults.ts'

export interface FileFaults {
  /** Answers with a file. @throws HttpStatusError when it is to look missing or broken */
  send: SendBytes
  /** A file was uploaded. */
  stored(root: FileRoot, path: string): void
}

export interface FileFaultsOptions {
  plan: FaultPlan
  reach: ReachMoment
  files: Pick<FileStore, 'remove'>
  /** Rejects when the process ends. */
  sleep: (ms: number) => Promise<void>
}

const dropCount = 10
/** What proxies answer with when they should pass something on. */
const proxyPage = Buffer.from('<!DOCTYPE html>\n<html><title>Sign in</title><h1>Sign in to go on</h1></html>\n')

/** What goes wrong with files on their way. */
export function createFileFaults({ plan, reach, files, sleep }: FileFaultsOptions): FileFaults {
  async function drip(response: ServerResponse, bytes: Buffer, ms: number): Promise<void> {
    const size = Math.max(1, Math.ceil(bytes.length / dropCount))
    for (let at = 0; at < bytes.length && !response.destroyed; at += size) {
      await sleep(ms / dropCount)
      response.write(bytes.subarray(at, at + size))
    }
    response.end()
  }

  return {
    send(response, status, headers, bytes) {
      reach('view')
      const hit = plan.strike('view')
      switch (hit?.choice) {
        case '404':
          throw new HttpStatusError(404)
        case '500':
          throw new HttpStatusError(500, serverTrouble)
        case 'half':
          response.writeHead(status, { ...headers, 'Content-Length': bytes.length })
          response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
          return undefined
        case 'empty':
          return sendBytes(response, status, headers, Buffer.alloc(0))
        case 'page':
          return sendBytes(response, status, { 'Content-Type': 'text/html; charset=utf-8' }, proxyPage)
        case 'wrong-type':
          return sendBytes(response, status, { ...headers, 'Content-Type': 'text/html; charset=utf-8' }, bytes)
        case 'drip':
          response.writeHead(status, { ...headers, 'Content-Length': bytes.length })
          return drip(response, bytes, hit.ms ?? 0)
        case undefined:
        default:
          return sendBytes(response, status, headers, bytes)
      }
    },
    stored(root, path) {
      if (plan.strike('upload-lost') !== undefined) files.remove(root, path)
      reach('upload')
    },
  }
}
