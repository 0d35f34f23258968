import { parseArgs } from 'node:util'

export type ReleaseRequest =
  /** Nothing is made: the checks, and what would be done. */
  | { readonly kind: 'dry-run' }
  /** The files of the release are made, and stay here. */
  | { readonly kind: 'build' }
  | { readonly kind: 'publish'; readonly repository: string; readonly token: string; readonly apiUrl: string }

/** @throws Error with what to do */
export function readRequest(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ReleaseRequest {
  const { values } = parseArgs({
    args: [...args],
    options: {
      'dry-run': { type: 'boolean', default: false },
      build: { type: 'boolean', default: false },
      publish: { type: 'boolean', default: false },
      repository: { type: 'string' },
    },
  })
  const asked = [values['dry-run'], values.build, values.publish].filter(Boolean)
  if (asked.length > 1) throw new Error('Only one of --dry-run, --build and --publish makes sense.')
  if (values.build) return { kind: 'build' }
  if (!values.publish) return { kind: 'dry-run' }
  const token = env['GITHUB_TOKEN'] ?? ''
  if (token === '')
    throw new Error('--publish needs a token of GitHub in GITHUB_TOKEN, with the right to write contents.')
  const repository = values.repository ?? ''
  if (!/^[A-Za-z0-9][\w.-]*\/[\w.-]+$/.test(repository)) throw new Error('--publish needs --repository owner/name.')
  return { kind: 'publish', repository, token, apiUrl: env['GITHUB_API_URL'] ?? 'https://api.github.com' }
}
