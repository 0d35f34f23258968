import { request } from 'undici'

const timeoutMs = 5_000
const longestToldCharacters = 4_096

/** One GET of an address, at most 5 s from the call: whether the answer is a good one, and what it says. Never rejects. */
export async function askServer(
  url: URL,
  key: string | undefined,
): Promise<{ readonly isWell: boolean; readonly told: string }> {
  try {
    const { statusCode, body } = await request(url, {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = (await body.text()).slice(0, longestToldCharacters)
    return { isWell: statusCode === 200, told: text === '' ? `${url.href} answered ${String(statusCode)}` : text }
  } catch (error) {
    const why = error instanceof Error && error.message !== '' ? error.message : 'no connection'
    return { isWell: false, told: `${url.href} does not answer: ${why}` }
  }
}
