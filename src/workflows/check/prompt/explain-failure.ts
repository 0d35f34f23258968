import { nodeValidator, unwrapped } from '../../../comfyui/wire/verdict/node-validators.ts'
import { isLinkShaped } from '../../../comfyui/wire/prompt.ts'
import type { CheckProblem } from '../check-problem.ts'
import type { CheckedGraph } from './checked-graph.ts'
import { shown } from '../words.ts'

type Explained = Pick<CheckProblem, 'input' | 'value' | 'message' | 'fix'>

/**
 * The input that is to blame where ComfyUI's own code raises over a node, which names none.
 * @param details what was raised
 */
export function explainFailure(id: string, details: string, graph: CheckedGraph): Explained {
  const node = graph.nodes[id]
  if (node === undefined || details === "'inputs'")
    return { message: 'It has no `inputs`.', fix: 'Write "inputs": {}.' }
  const given = [...graph.declared(id).values()].flatMap((declared) =>
    Object.hasOwn(node.inputs, declared.name) ? [{ declared, value: node.inputs[declared.name] }] : [],
  )
  for (const { declared, value } of given) {
    if (Array.isArray(value) && value.length === 2 && !isLinkShaped(value)) {
      return { input: declared.name, value, ...explainList(value, graph) }
    }
  }
  for (const { declared, value } of given) {
    const literal = unwrapped(value)
    const isLimited = declared.min !== undefined || declared.max !== undefined
    if (!isLimited || Array.isArray(value) || typeof literal === 'number' || typeof literal === 'bigint') continue
    if (['INT', 'FLOAT'].includes(String(declared.spec[0])) || typeof literal === 'boolean') continue
    const message = `${shown(literal)} is no number, and has limits to keep.`
    return { input: declared.name, value, message, fix: 'Give a number, or link one.' }
  }
  const taken = nodeValidator(node.class_type)?.takes.filter((name) => name !== 'input_types') ?? []
  const missing = taken.find((name) => !Object.hasOwn(node.inputs, name))
  if (missing !== undefined) {
    return {
      input: missing,
      message: `${node.class_type} needs this input, and there is none.`,
      fix: 'Give it a value.',
    }
  }
  const [checked] = taken
  if (checked !== undefined) {
    const value = node.inputs[checked]
    const message = `The class itself cannot take ${shown(value)}: ${details}.`
    return { input: checked, value, message, fix: 'Give it a value of its kind, and no link.' }
  }
  return { message: `ComfyUI fails when it looks at this node: ${details}.` }
}

function explainList(list: readonly unknown[], { nodes }: CheckedGraph): Pick<CheckProblem, 'message' | 'fix'> {
  const [id, slot] = list
  const message = `${shown(list)} is no link.`
  const source = typeof id === 'number' ? String(id) : id
  const position = typeof slot === 'string' && /^\d+$/.test(slot) ? Number(slot) : slot
  if (typeof source === 'string' && Object.hasOwn(nodes, source) && typeof position === 'number') {
    return { message, fix: `Write [${JSON.stringify(source)}, ${position}].` }
  }
  return { message, fix: 'A link is ["id of a node", number of its output]; a list as a value is {"__value__": […]}.' }
}
