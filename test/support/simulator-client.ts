import { once } from 'node:events'
import WebSocket from 'ws'
import { z } from 'zod'

export type Message = { type: string; data: Record<string, unknown> } | { type: 'binary'; frame: Buffer }

export interface SimulatorClient {
  readonly messages: Message[]
  /** The first message that fits, of those that came or will come. */
  next(fits: (message: Message) => boolean): Promise<Message>
  /** Types of the messages in order, `executing` and `executed` with their node. */
  story(): string[]
  /** The code with which the connection ended. */
  readonly ended: Promise<number>
  /** Resolves when an answer to a ping comes. */
  ping(): Promise<void>
  close(): Promise<void>
  /** Ends the connection without waiting for the server. */
  end(): void
}

const messageSchema = z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) })

/** A WebSocket client of a ComfyUI server that keeps everything it hears; its flags are known when it resolves. */
export async function connect(
  url: string,
  clientId: string,
  { flags }: { flags?: Record<string, unknown> } = {},
): Promise<SimulatorClient> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws?clientId=${clientId}`)
  const messages: Message[] = []
  const waiting: { fits: (message: Message) => boolean; found: (message: Message) => void }[] = []
  socket.on('message', (data: Buffer, isBinary) => {
    const message: Message = isBinary
      ? { type: 'binary', frame: data }
      : messageSchema.parse(JSON.parse(data.toString().replace(/\b(?:NaN|Infinity)\b/g, '"$&"')))
    messages.push(message)
    for (const waiter of waiting.filter(({ fits }) => fits(message))) waiter.found(message)
  })
  const ended = new Promise<number>((resolve) => socket.on('close', resolve))
  socket.on('error', () => undefined)
  await once(socket, 'open')

  async function next(fits: (message: Message) => boolean): Promise<Message> {
    const found = messages.find(fits)
    return found ?? new Promise((resolve) => waiting.push({ fits, found: resolve }))
  }

  if (flags !== undefined) {
    socket.send(JSON.stringify({ type: 'feature_flags', data: flags }))
    await next(({ type }) => type === 'feature_flags')
  }

  return {
    messages,
    next,
    ended,
    async ping() {
      const pong = once(socket, 'pong')
      socket.ping()
      await pong
    },
    end: () => socket.terminate(),
    story: () => messages.map(describe),
    async close() {
      socket.close()
      if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close')
    },
  }
}

function describe(message: Message): string {
  if (!('data' in message)) return `frame ${message.frame.readUInt32BE(0)}`
  const { type, data } = message
  return type.startsWith('execut') && 'node' in data ? `${type} ${String(data['node'])}` : type
}

export function isEndOf(promptId: string): (message: Message) => boolean {
  return (message) =>
    'data' in message &&
    message.type === 'executing' &&
    message.data['node'] === null &&
    message.data['prompt_id'] === promptId
}
