import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What was found out about a shipped workflow from its schema, while the binary was made: by what it was found out. */
type Reading = Record<string, unknown>

/** Under this key of `globalThis` lie the readings that are taken down, while the binary is made. */
export const takenDownKey = Symbol.for('comfyui-api.readings')

const names = new WeakMap<object, string>()
let readings: Record<string, Reading> | undefined

/** Says of which shipped workflow a schema is. */
export function rememberSchema(schema: unknown, name: string): void {
  if (typeof schema === 'object' && schema !== null) names.set(schema, name)
}

/**
 * What was found out before, once: node classes that are known later may change it. Otherwise it is found out now.
 * @param what one word
 */
export function readingOf<Result>(what: string, schema: object, findOut: () => Result): Result {
  const name = names.get(schema)
  if (name === undefined) return findOut()
  const takenDown = Reflect.get(globalThis, takenDownKey) as Record<string, Reading> | undefined
  if (takenDown !== undefined) {
    const result = findOut()
    void Promise.resolve(result).then((found) => ((takenDown[name] ??= {})[what] = found))
    return result
  }
  readings ??= readReadings()
  const reading = readings[name]
  if (reading === undefined || !Object.hasOwn(reading, what)) return findOut()
  const found = reading[what] as Result
  Reflect.deleteProperty(reading, what)
  return found
}

function readReadings(): Record<string, Reading> {
  try {
    return JSON.parse(readFileSync(join(__dirname, 'program.readings'), 'utf8')) as Record<string, Reading>
  } catch {
    return {}
  }
}
