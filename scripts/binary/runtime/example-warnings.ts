import { exampleWarnings as warningsOf } from '../../../src/workflows/example-warnings.ts'
import { readingOf } from './readings.ts'

/** Stands for src/workflows/example-warnings.ts. */
export const exampleWarnings: typeof warningsOf = (request, examples) =>
  readingOf('examples', request.structure, () => warningsOf(request, examples))
