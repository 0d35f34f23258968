import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { z } from 'zod'

/** How often each job, by its number, was sent to an instance: an upper bound of how often it ran. */
export interface Submissions {
  of(number: number): number
  close(): void
}

const sendingChannel = 'undici:client:sendHeaders'
const sendingSchema = z.object({
  request: z.object({ method: z.literal('POST'), path: z.literal('/api/prompt'), body: z.instanceof(Uint8Array) }),
})

/** Listens to what the HTTP client of this process sends; it does not ask the gateway. */
export function countSubmissions(): Submissions {
  const counts = new Map<number, number>()
  const note = (message: unknown): void => {
    const sending = sendingSchema.safeParse(message)
    if (!sending.success) return
    const found = /"nonce":(\d+)/.exec(Buffer.from(sending.data.request.body).toString('utf8'))
    if (found === null) return
    const number = Number(found[1])
    counts.set(number, (counts.get(number) ?? 0) + 1)
  }
  subscribe(sendingChannel, note)
  return {
    of: (number) => counts.get(number) ?? 0,
    close: () => void unsubscribe(sendingChannel, note),
  }
}
