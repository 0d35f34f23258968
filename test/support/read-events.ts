/** One event, as server-sent events or as a frame of a WebSocket. */
export interface ReceivedEvent {
  readonly id: string
  readonly type: string
  readonly data: Record<string, unknown>
}

/** Reads a stream of server-sent events until it ends, or until `isEnough` says so; then it hangs up. */
export async function readEvents(
  response: Response,
  isEnough: (events: readonly ReceivedEvent[]) => boolean = () => false,
): Promise<ReceivedEvent[]> {
  const events: ReceivedEvent[] = []
  let text = ''
  const decoder = new TextDecoder()
  const body: AsyncIterable<Uint8Array> | undefined = response.body ?? undefined
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    const blocks = text.split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map((line) => [line.split(': ', 1)[0], line.slice(line.indexOf(': ') + 2)]),
      )
      if (!fields.has('event')) continue
      events.push({
        id: fields.get('id') ?? '',
        type: fields.get('event') ?? '',
        data: JSON.parse(fields.get('data') ?? ''),
      })
      if (isEnough(events)) return events
    }
  }
  return events
}
