import type sharpFactory from 'sharp'

/**
 * Loads the library that converts images. It is an optional dependency, and takes a while.
 * @param _copyTo where a single binary, which cannot load native code out of itself, may put a copy when the user's folder
 * for such things takes none
 */
export function loadSharp(_copyTo?: string): Promise<{ readonly default: typeof sharpFactory }> {
  return import('sharp')
}
