import type { z } from 'zod'
import { describeInput, type DescribedInput } from './describe-input.ts'
import { inspectSchema, type InspectedSchema } from './inspect-schema.ts'
import { parseParameters } from './parse-parameters.ts'

/** What a RequestSchema says, whichever generation of Zod it was written in. */
export interface RequestReading {
  /** How the parameters are built. A schema of Zod 3 is mirrored; its own checks are in `parse` only. */
  readonly structure: z.ZodType
  readonly inspected: InspectedSchema
  readonly described: DescribedInput
  /**
   * Checks parameters and fills in defaults.
   * @throws GatewayError `validation_error`; what the schema itself throws
   */
  parse(raw: unknown): unknown
}

/** Reads a schema of Zod 4. */
export function readRequestSchema(schema: z.ZodType): RequestReading {
  const inspected = inspectSchema(schema)
  return {
    structure: schema,
    inspected,
    described: describeInput(schema, inspected.strictObjects),
    parse: (raw) => parseParameters(schema, inspected.checkKeys, raw),
  }
}
