import type sharpFactory from 'sharp'
import { offerFolder } from './native-code.ts'

/** Stands for src/outputs/load-sharp.ts. */
export async function loadSharp(copyTo?: string): Promise<{ readonly default: typeof sharpFactory }> {
  offerFolder(copyTo)
  return import('sharp')
}
