import type { Transform } from './transform.ts'

/**
 * Loads the transpiler, which is native code and takes some milliseconds.
 * @param _copyTo where a single binary, which cannot load native code out of itself, may put a copy when the user's folder
 * for such things takes none
 */
export async function loadTransform(_copyTo?: string): Promise<Transform> {
  const oxc = await import('oxc-transform')
  return oxc.transformSync
}
