import type { NodeCatalogue } from '../node-catalogue.ts'
import { conditioningNodes } from './conditioning-nodes.ts'
import { imageNodes } from './image-nodes.ts'
import { latentNodes } from './latent-nodes.ts'
import { inputType } from '../../comfyui/wire/object-info.ts'
import { imageOf, type NodeImplementation, type NodeResult, type NodeRun } from './node-run.ts'
import { isNodeValue, type TokenValue } from './node-values.ts'
import { runOther } from './other-nodes.ts'
import { contentOf } from './stand-in.ts'
import { mediaNodes } from './media-nodes.ts'
import { outputNodes } from './output-nodes.ts'
import { samplerNodes } from './sampler-nodes.ts'
import { testNodes } from './test-nodes.ts'
import { valueNodes } from './value-nodes.ts'

const implementations: Readonly<Record<string, NodeImplementation>> = {
  ...conditioningNodes,
  ...imageNodes,
  ...latentNodes,
  ...mediaNodes,
  ...outputNodes,
  ...samplerNodes,
  ...testNodes,
  ...valueNodes,
}

/** Executes a node, or gives what stands in for its results. @throws NodeFailure of the node */
export async function runNode(run: NodeRun, catalogue: Pick<NodeCatalogue, 'definition'>): Promise<NodeResult> {
  const { classType } = run
  if (Object.hasOwn(implementations, classType)) {
    const result = await implementations[classType]?.({ ...run, inputs: withContent(run, catalogue) })
    if (result !== undefined) return result
  }
  return runOther(run, catalogue.definition(classType))
}

/** Inputs in which things that were only handed on are what the class needs: a picture, a latent. */
function withContent(run: NodeRun, catalogue: Pick<NodeCatalogue, 'definition'>): NodeRun['inputs'] {
  if (!Object.values(run.inputs).some(isToken)) return run.inputs
  const { required, optional } = catalogue.definition(run.classType)?.input ?? {}
  const specs = { ...required, ...optional }
  const entries = Object.entries(run.inputs).map(([name, value]): [string, unknown] => {
    const spec = specs[name]
    if (spec === undefined || !isToken(value)) return [name, value]
    const { texts = [], picture } = value
    const inputs = { texts: texts.join(', '), value, ...(picture && { picture: imageOf(picture) }) }
    return [name, contentOf({ ...run, inputs }, inputType(spec)) ?? value]
  })
  return Object.fromEntries(entries)
}

function isToken(value: unknown): value is TokenValue {
  return isNodeValue(value) && value.kind === 'token'
}
