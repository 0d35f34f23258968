import { createRequire } from 'node:module'
import { z } from 'zod'

const importer = z.custom<(url: string) => Promise<unknown>>((value) => typeof value === 'function')

/** Node's own `import()`. */
export const nativeImport = importer.parse(createRequire(import.meta.url)('../fixtures/native-import.cjs'))
