import type { NodeDefinition } from '../../../comfyui/wire/object-info.ts'
import { compileNode, type DeclaredInput } from '../../../comfyui/wire/verdict/compile-node.ts'

/** An input that chooses which other inputs a node has, and does not choose. */
export interface BrokenDynamicInput {
  readonly name: string
  readonly keys: readonly string[]
  readonly isMissing: boolean
}

/** The dynamic inputs without a choice that there is: ComfyUI accepts them, and the job fails. */
export function brokenDynamicInputs(
  definition: NodeDefinition,
  values: Readonly<Record<string, unknown>>,
): readonly BrokenDynamicInput[] {
  const { inputs, hasDynamicInputs } = compileNode(definition)
  return hasDynamicInputs ? brokenAmong(inputs, values) : []
}

function brokenAmong(
  inputs: readonly DeclaredInput[],
  values: Readonly<Record<string, unknown>>,
): readonly BrokenDynamicInput[] {
  return inputs.flatMap(({ name, dynamic, required }) => {
    const isThere = Object.hasOwn(values, name)
    switch (dynamic?.kind) {
      case undefined:
        return []
      case 'autogrow':
        return brokenAmong(dynamic.inputs, values)
      case 'slot':
        return isThere ? brokenAmong(dynamic.inputs, values) : []
      case 'combo': {
        const chosen = isThere ? dynamic.options.get(values[name]) : undefined
        if (chosen !== undefined) return brokenAmong(chosen, values)
        if (!isThere && !required) return []
        const keys = [...dynamic.options.keys()].map(String)
        return [{ name, keys, isMissing: !isThere }]
      }
    }
  })
}
