import { normalisePath, type FileRoot, type FileStore } from '../file-store.ts'
import { NodeFailure } from './node-run.ts'

export interface SavePath {
  subfolder: string
  /** @param batchIndex of the picture in its batch */
  fileName(batchIndex: number, extension?: string): string
}

const counterDigits = 5

/**
 * Where the next pictures of a prefix go: folders in it become the subfolder, `%width%` and the like are filled in, and
 * the counter goes on after the highest that is there. @throws NodeFailure when it leads out of the root
 */
export function nextSavePath(
  files: FileStore,
  root: FileRoot,
  prefix: string,
  width: number,
  height: number,
): SavePath {
  const filled = fillPrefix(prefix, width, height)
  const slash = filled.lastIndexOf('/')
  const subfolder = normalisePath(filled.slice(0, Math.max(0, slash)))
  if (subfolder === undefined || filled.startsWith('/')) {
    throw new NodeFailure('Exception', '**** ERROR: Saving image outside the output folder is not allowed.')
  }
  const name = filled.slice(slash + 1)
  const first = files.nextCounter(root, subfolder, name)
  return {
    subfolder,
    fileName: (batchIndex, extension = 'png') => {
      const counter = String(first + batchIndex).padStart(counterDigits, '0')
      return `${name.replaceAll('%batch_num%', String(batchIndex))}_${counter}_.${extension}`
    },
  }
}

function fillPrefix(prefix: string, width: number, height: number): string {
  if (!prefix.includes('%')) return prefix
  const now = new Date()
  const two = (value: number): string => String(value).padStart(2, '0')
  return prefix
    .replaceAll('%width%', String(width))
    .replaceAll('%height%', String(height))
    .replaceAll('%year%', String(now.getFullYear()))
    .replaceAll('%month%', two(now.getMonth() + 1))
    .replaceAll('%day%', two(now.getDate()))
    .replaceAll('%hour%', two(now.getHours()))
    .replaceAll('%minute%', two(now.getMinutes()))
    .replaceAll('%second%', two(now.getSeconds()))
}
