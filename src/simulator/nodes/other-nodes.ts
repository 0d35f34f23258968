import { inputType, type NodeDefinition } from '../../comfyui/wire/object-info.ts'
import type { NodeResult, NodeRun } from './node-run.ts'
import { isNodeValue } from './node-values.ts'
import { saveStandIn } from './save-stand-in.ts'
import { conditioningStandIn, contentOf, partsOf, textsOf, textStandIn, valuesIn } from './stand-in.ts'

/**
 * Gives outputs of the declared types for a class that the simulator cannot execute, and saves a file of the right kind
 * where the class saves one.
 */
export async function runOther(run: NodeRun, definition: NodeDefinition | undefined): Promise<NodeResult> {
  const outputs = (definition?.output ?? []).map((type, slot) => outputOf(run, typeName(type), slot))
  if (definition?.output_node !== true) return { outputs }
  const ui = await saveStandIn(run, definition)
  return ui === undefined ? { outputs } : { outputs, ui }
}

function typeName(type: unknown): string {
  const name = inputType([type])
  return typeof name === 'string' ? name : 'COMBO'
}

function outputOf(run: NodeRun, type: string, slot: number): unknown {
  switch (type) {
    case 'CONDITIONING':
      return conditioningOf(run, slot)
    case 'STRING':
      return textStandIn(run)
    case 'INT':
      return literals(run).find((value) => Number.isInteger(value)) ?? 1
    case 'FLOAT':
      return literals(run).find((value) => typeof value === 'number') ?? 1
    case 'BOOLEAN':
      return literals(run).find((value) => typeof value === 'boolean') ?? false
    case 'COMBO':
      return literals(run).find((value) => typeof value === 'string') ?? ''
    default:
      return contentOf(run, type) ?? passed(run, type) ?? token(run, type)
  }
}

/** Classes that give positive and negative take both, in this order. */
function conditioningOf(run: NodeRun, slot: number): unknown {
  const given = valuesIn(run).filter((value) => value.kind === 'conditioning')
  const own = given.length > 1 ? given[slot] : undefined
  return own ?? conditioningStandIn(run)
}

/** What may be of any type is what goes in; a switch chooses. */
function passed({ inputs }: NodeRun, type: string): unknown {
  if (!/\*|MATCH/.test(type)) return undefined
  const chosen = inputs['switch'] === true ? inputs['on_true'] : inputs['switch'] === false && inputs['on_false']
  if (chosen !== undefined && chosen !== false) return chosen
  const values = Object.values(inputs)
  return values.find(isNodeValue) ?? values.find((value) => value !== null && value !== undefined)
}

function token(run: NodeRun, type: string): unknown {
  const [picture] = valuesIn(run).flatMap((value) => {
    if (value.kind === 'image' || value.kind === 'latent') return value.pictures.slice(0, 1)
    return value.kind === 'token' && value.picture !== undefined ? [value.picture] : []
  })
  return { kind: 'token', type, parts: partsOf(run), texts: textsOf(run), ...(picture !== undefined && { picture }) }
}

function literals({ inputs }: NodeRun): unknown[] {
  return Object.values(inputs).map((value) => (typeof value === 'bigint' ? Number(value) : value))
}
