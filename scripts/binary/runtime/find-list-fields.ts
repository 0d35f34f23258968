import { findListFields as find } from '../../../src/workflows/graph/find-list-fields.ts'
import { readingOf } from './readings.ts'

/** Stands for src/workflows/graph/find-list-fields.ts. */
export const findListFields: typeof find = async (options) => readingOf('lists', options.schema, () => find(options))
