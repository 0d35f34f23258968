/** An event in the words of our API, whatever carries it. */
export interface WrittenEvent {
  readonly id: string
  readonly type: string
  /** The data as JSON, without line breaks. */
  readonly json: string
}

/** As `text/event-stream` has it. */
export function toServerSentEvent({ id, type, json }: WrittenEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${json}\n\n`
}

/** As a text frame of a WebSocket has it: see `eventFrameSchema`. */
export function toTextFrame({ id, type, json }: WrittenEvent): string {
  return `{"id":"${id}","event":"${type}","data":${json}}`
}
