import { stripTypeScriptTypes, type SourceMapPayload } from 'node:module'
import type { transformSync } from 'oxc-transform'
import { loadNativeCode, offerFolder } from './native-code.ts'

type Transform = typeof transformSync
type Result = ReturnType<Transform>

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
    const { mappings, names } = JSON.parse(Buffer.from(encoded, 'base64').toString()) as SourceMapPayload
    const map = { version: 3, sources: [file], names, mappings }
    return { code, map, errors: [], helpersUsed: {} }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const failure = { severity: 'Error', message, labels: [], helpMessage: null, codeframe: null }
    return { code: '', errors: [failure as unknown as Result['errors'][number]], helpersUsed: {} }
  }
}
