import { describeInput as describe } from '../../../src/workflows/parameters/describe-input.ts'
import { readingOf } from './readings.ts'

export { describeMediaFields, textSchemasAt } from '../../../src/workflows/parameters/describe-input.ts'

/** Stands for the function of src/workflows/parameters/describe-input.ts. */
export const describeInput: typeof describe = (schema, strictObjects) =>
  readingOf('described', schema, () => describe(schema, strictObjects))
