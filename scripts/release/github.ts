import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { z } from 'zod'

export interface Release {
  readonly tag: string
  readonly commit: string
  readonly notes: string
  readonly files: readonly string[]
}

export interface GithubOptions {
  /** Without a slash at the end; https://api.github.com unless another GitHub is meant. */
  readonly apiUrl: string
  /** owner/name */
  readonly repository: string
  readonly token: string
}

const releaseSchema = z.looseObject({ id: z.number(), upload_url: z.string(), html_url: z.string() })
const timeoutMs = 10 * 60_000

/**
 * Publishes a release: as a draft first, which becomes public when all of its files are there, so nobody ever sees half
 * of it. The draft is removed again when something goes wrong. Resolves with the address of the release.
 * https://docs.github.com/rest/releases
 */
export async function publishRelease(
  { tag, commit, notes, files }: Release,
  { apiUrl, repository, token }: GithubOptions,
): Promise<string> {
  const headers = {
    accept: 'application/vnd.github+json',
    authorization: `Bearer ${token}`,
    'x-github-api-version': '2022-11-28',
    'user-agent': 'comfyui-api-release',
  }
  const releases = `${apiUrl}/repos/${repository}/releases`
  const ask = async (method: string, url: string, body?: unknown) => {
    const answer = await fetch(url, {
      method,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return readAnswer(answer, `${method} ${url}`)
  }

  const draft = releaseSchema.parse(
    await ask('POST', releases, { tag_name: tag, target_commitish: commit, name: tag, body: notes, draft: true }),
  )
  try {
    for (const file of files) {
      // A template of RFC 6570, of which only this is used.
      const url = `${draft.upload_url.replace(/\{.*\}$/, '')}?name=${encodeURIComponent(basename(file))}`
      const { size } = await stat(file)
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/octet-stream', 'content-length': String(size) },
        body: Readable.toWeb(createReadStream(file)),
        duplex: 'half',
        signal: AbortSignal.timeout(timeoutMs),
      })
      await readAnswer(answer, `upload of ${basename(file)}`)
    }
    const published = await ask('PATCH', `${releases}/${String(draft.id)}`, { draft: false })
    return releaseSchema.parse(published).html_url
  } catch (error) {
    await ask('DELETE', `${releases}/${String(draft.id)}`).catch(() => {})
    throw error
  }
}

async function readAnswer(answer: Response, what: string): Promise<unknown> {
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${what} answered ${String(answer.status)}: ${text.slice(0, 500)}`)
  return text === '' ? undefined : JSON.parse(text)
}
