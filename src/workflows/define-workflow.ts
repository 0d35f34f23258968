import type { z } from 'zod'
import type { DeclaredMetadata, WorkflowDefinition } from './workflow-definition.ts'

/**
 * Returns `definition` as it is. What it adds are types: `input` of `generateWorkflow` has the parameters of
 * `RequestSchema`, so a misspelt one does not compile, and `examples` are checked against what a caller may send.
 */
export function defineWorkflow<Schema extends z.ZodType>(
  definition: WorkflowDefinition<Schema, DeclaredMetadata>,
): WorkflowDefinition<Schema, DeclaredMetadata> {
  return definition
}
