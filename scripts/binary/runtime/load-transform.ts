import { stripTypeScriptTypes } from 'node:module'
import { z } from 'zod'
import type { Transform } from '../../../src/workflows/modules/transform.ts'
import { loadNativeCode, offerFolder } from './native-code.ts'

const mapSchema = z.object({ mappings: z.string(), names: z.array(z.string()) })

/** Stands for src/workflows/modules/load-transform.ts. Nothing is loaded before there is a file to transpile. */
export async function loadTransform(copyTo?: string): Promise<Transform> {
  offerFolder(copyTo)
  let transform: Transform | undefined
  return (...asked) => {
    transform ??= nativeTransform() ?? transformByNode
    return transform(...asked)
  }
}

function nativeTransform(): Transform | undefined {
  try {
    return (loadNativeCode('oxc-transform') as { readonly transformSync: Transform }).transformSync
  } catch (error) {
    process.emitWarning(
      `TypeScript modules are read by Node.js itself, so imports of types must say "import type". ${String(error)}`,
    )
    return undefined
  }
}

/** Slower, and it keeps imports that only types use. */
const transformByNode: Transform = (file, source) => {
  try {
    const text = stripTypeScriptTypes(source, { mode: 'transform', sourceMap: true, sourceUrl: file })
    const [code = '', encoded = ''] = text.split('\n\n//# sourceMappingURL=data:application/json;base64,')
    const map = mapSchema.parse(JSON.parse(Buffer.from(encoded, 'base64').toString()))
    return { code, map: { version: 3, ...map }, errors: [] }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return { code: '', errors: [{ severity: 'Error', message, labels: [], helpMessage: null }] }
  }
}
