import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { z } from 'zod'

const sendingChannel = 'undici:client:sendHeaders'
const sendingSchema = z.object({
  request: z.object({ method: z.literal('POST'), path: z.literal('/api/prompt'), origin: z.string() }),
})

/** Prompts that this process sent to a ComfyUI so far, told by its HTTP client. */
export interface CountedSubmits extends Disposable {
  /** To the server at this address. */
  to(url: string): number
  readonly total: number
}

export function countSubmits(): CountedSubmits {
  const origins: string[] = []
  const note = (message: unknown): void => {
    const sending = sendingSchema.safeParse(message)
    if (sending.success) origins.push(sending.data.request.origin)
  }
  subscribe(sendingChannel, note)
  return {
    to: (url) => origins.filter((origin) => origin === new URL(url).origin).length,
    get total() {
      return origins.length
    },
    [Symbol.dispose]: () => void unsubscribe(sendingChannel, note),
  }
}
