import { inspectSchema } from '../inspect-schema.ts'
import { checkParameters } from '../parse-parameters.ts'
import type { RequestReading } from '../read-request-schema.ts'
import { describeZod3 } from './describe-zod3.ts'
import { mirrorSchema } from './mirror-schema.ts'
import { translateIssue } from './translate-issue.ts'
import type { Zod3Schema } from './zod3-schema.ts'

/** Reads a schema of Zod 3: it parses itself, and what is asked of its structure is asked of a mirror in Zod 4. */
export function readZod3Schema(schema: Zod3Schema): RequestReading {
  const { schema: structure, objects } = mirrorSchema(schema)
  const inspected = inspectSchema(structure)
  const isStrict = (definition: object): boolean => {
    const object = objects.get(definition)
    return object !== undefined && inspected.strictObjects.has(object)
  }
  return {
    structure,
    inspected,
    described: describeZod3(schema, isStrict),
    parse: (raw) =>
      checkParameters(raw, inspected.checkKeys, () => {
        const result = schema.safeParse(raw)
        if (result.success) return { success: true, data: result.data }
        const issues = result.error.issues.map((issue) => translateIssue(issue, valueAt(raw, issue.path)))
        return { success: false, issues }
      }),
  }
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (current, key) =>
      typeof current === 'object' && current !== null && Object.hasOwn(current, key)
        ? Reflect.get(current, key)
        : undefined,
    value,
  )
}
