import { createRequire } from 'node:module'

const requireHere = createRequire(import.meta.url)

/** The namespace of the Zod 3 that comes with Zod 4. */
export function loadZod3(): unknown {
  return requireHere('zod/v3')
}
