/**
 * Reads the `traceparent` of W3C Trace Context and returns it as version 00 writes it, `00-<trace>-<span>-<flags>`.
 * `undefined` for anything that is none: it is then as if nothing had been sent.
 */
export function readTraceparent(text: string): string | undefined {
  const [, version, traceId, spanId, flags, rest] = pattern.exec(text) ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === 'ff' || (version === '00' && rest !== '')) return undefined
  if (traceId === noTrace || spanId === noSpan) return undefined
  return writeTraceparent({ traceId, spanId, isSampled: (Number.parseInt(flags, 16) & sampledFlag) === sampledFlag })
}

/** One place in a trace. */
export interface TracePlace {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  readonly isSampled: boolean
}

export function writeTraceparent({ traceId, spanId, isSampled }: TracePlace): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`
}

/** The parts of what `readTraceparent` or `writeTraceparent` returned. */
export function tracePlaceOf(traceparent: string): TracePlace {
  return { traceId: traceIdOf(traceparent), spanId: traceparent.slice(36, 52), isSampled: traceparent.endsWith('1') }
}

/** The id of the trace in what `readTraceparent` or `writeTraceparent` returned. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35)
}

/** Later versions may have more behind the flags. */
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(|-.*)$/
const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)
const sampledFlag = 1
