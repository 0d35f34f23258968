import { offerFolder } from './native-code.ts'

/** Stands for src/outputs/load-sharp.ts. */
export async function loadSharp(copyTo?: string): Promise<typeof import('sharp')> {
  offerFolder(copyTo)
  return import('sharp')
}
