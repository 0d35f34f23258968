import { inputType } from '../../comfyui/wire/object-info.ts'
import type { NodeCatalogue } from '../node-catalogue.ts'
import { conditioningNodes } from './conditioning-nodes.ts'
import { imageNodes } from './image-nodes.ts'
import { latentNodes } from './latent-nodes.ts'
import { NodeFailure, describeValue, type NodeImplementation, type NodeResult, type NodeRun } from './node-run.ts'
import { isNodeValue, type NodeValue } from './node-values.ts'
import { outputNodes } from './output-nodes.ts'
import { samplerNodes } from './sampler-nodes.ts'
import { testNodes } from './test-nodes.ts'
import { valueNodes } from './value-nodes.ts'

const implementations: Readonly<Record<string, NodeImplementation>> = {
  ...conditioningNodes,
  ...imageNodes,
  ...latentNodes,
  ...outputNodes,
  ...samplerNodes,
  ...testNodes,
  ...valueNodes,
}

/** Types that the simulator has more than a token of. */
const contentTypes = new Set(['IMAGE', 'MASK', 'LATENT', 'CONDITIONING'])

/**
 * Executes a node. A class that the simulator cannot execute gives tokens, which go as far as nobody needs what they
 * stand for: a loaded model needs no more. @throws NodeFailure of the node, also for an output node that it cannot execute
 */
export async function runNode(run: NodeRun, catalogue: Pick<NodeCatalogue, 'definition'>): Promise<NodeResult> {
  const { classType } = run
  if (Object.hasOwn(implementations, classType)) {
    const result = await implementations[classType]?.(run)
    if (result !== undefined) return result
  }
  const definition = catalogue.definition(classType)
  if (definition?.output_node === true) {
    throw new NodeFailure('NotImplementedError', `The simulator cannot execute ${classType}.`)
  }
  return { outputs: (definition?.output ?? []).map((type) => token(run, inputType([type]))) }
}

function token(run: NodeRun, type: string | readonly unknown[]): NodeValue {
  const name = typeof type === 'string' ? type : 'COMBO'
  const parts = [run.classType]
  for (const value of Object.values(run.inputs)) {
    if (isNodeValue(value) && value.kind === 'token') parts.push(...value.parts)
    else parts.push(describeValue(value))
  }
  return { kind: 'token', type: name, parts, ...(contentTypes.has(name) && { notExecuted: run.classType }) }
}
