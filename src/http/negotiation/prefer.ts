/** What a `Prefer` header asks for (RFC 7240). */
export interface Preferences {
  readonly respondAsync: boolean
  /** Longest wait for the result. */
  readonly waitSeconds: number | undefined
}

/** Nobody is held longer, whatever was asked for. */
const maxWaitSeconds = 600

const none: Preferences = { respondAsync: false, waitSeconds: undefined }

/** Unknown and malformed preferences are ignored, and of a repeated one the first counts, as the standard says. */
export function parsePrefer(header: string | string[] | undefined): Preferences {
  if (header === undefined) return none
  let respondAsync = false
  let waitSeconds: number | undefined
  for (const element of String(header).split(',')) {
    const [name = '', value] = (element.split(';')[0] ?? '').split('=', 2)
    const preference = name.trim().toLowerCase()
    if (preference === 'respond-async') respondAsync = true
    if (preference === 'wait') waitSeconds ??= parseSeconds(value)
  }
  return { respondAsync, waitSeconds }
}

function parseSeconds(value: string | undefined): number | undefined {
  const [, digits] = /^"?(\d{1,9})"?$/.exec(value?.trim() ?? '') ?? []
  return digits === undefined ? undefined : Math.min(Number(digits), maxWaitSeconds)
}
