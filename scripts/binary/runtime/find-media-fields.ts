import { findMediaFields as find } from '../../../src/workflows/graph/find-media-fields.ts'
import { readingOf } from './readings.ts'

/** Stands for src/workflows/graph/find-media-fields.ts. */
export const findMediaFields: typeof find = async (options) => readingOf('media', options.schema, () => find(options))
