import { ConversionRefusedError } from './conversion.ts'

/** Python reads no deeper JSON than about a thousand levels; graphs have fewer than twenty. */
const deepest = 500

/**
 * Refuses what would not be there any more, or would be something else, after a file was read: objects set their
 * prototype by the key `__proto__`, and what is very deep ends the program that looks into it.
 * @param exported parsed JSON
 * @throws ConversionRefusedError
 */
export function refuseUnkeepable(exported: unknown): void {
  let level: unknown[] = [exported]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest)
      throw damaged(`The file is nested more than ${deepest} levels deep.`, 'No graph is: save it again.')
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) continue
      if (Object.hasOwn(value, '__proto__') || ('id' in value && value.id === '__proto__')) {
        throw damaged(
          'Something in the file is called "__proto__", which cannot be kept.',
          'Give that node or input another name, or take it out.',
        )
      }
      for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) next.push(inner)
    }
    level = next
  }
}

function damaged(message: string, fix: string): ConversionRefusedError {
  return new ConversionRefusedError([{ code: 'damaged_file', message, fix }])
}
