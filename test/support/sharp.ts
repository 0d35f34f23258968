import type { Sharp, SharpOptions } from 'sharp'
import { describe } from 'vitest'

const library = await import('sharp').then(
  (loaded) => loaded.default,
  () => undefined,
)

/** The library that converts images, an optional dependency of the package. Only for what `describeConversion` runs. */
export function sharp(input: Buffer | SharpOptions, options?: SharpOptions): Sharp {
  if (library === undefined) throw new Error('the package sharp is not installed')
  return Buffer.isBuffer(input) ? library(input, options) : library(input)
}

/** As `describe`; skipped where nothing can be converted. */
export function describeConversion(name: string, body: () => void): void {
  if (library === undefined) describe.skip(`${name} (skipped: the package sharp is not installed)`, body)
  else describe(name, body)
}
