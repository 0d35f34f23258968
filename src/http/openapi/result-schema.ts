import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { refTo } from './run-operation.ts'

/** The schema of what a workflow answers with, and the components that it needs. */
export interface ResultSchema {
  readonly schema: { readonly $ref: string }
  readonly components: Readonly<Record<string, object>>
}

/**
 * `Result`; where the workflow names its outputs, a schema of its own that lists these names.
 *
 * @param name of the workflow among the components
 */
export function resultSchemaOf({ name: workflow, definition }: ServedWorkflow, name: string): ResultSchema {
  const outputs = Object.entries(definition.outputs ?? {})
  const shared = { $ref: refTo('Result') }
  if (outputs.length === 0) return { schema: shared, components: {} }
  const own = `${name}Result`
  const names = {
    type: ['string', 'null'],
    enum: [...outputs.map(([output]) => output), null],
    description: `${outputs.map(([output, node]) => `\`${output}\`: what node ${node} makes`).join('; ')}. All outputs of a node have its name.`,
  }
  const output = { allOf: [{ $ref: refTo('JobOutput') }, { type: 'object', properties: { name: names } }] }
  return {
    schema: { $ref: refTo(own) },
    components: {
      [own]: {
        description: `Result of \`${workflow}\`.`,
        allOf: [shared, { type: 'object', properties: { outputs: { type: 'array', items: output } } }],
      },
    },
  }
}
