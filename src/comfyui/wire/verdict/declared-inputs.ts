import { compileNode, type CompiledNode, type DeclaredInput } from './compile-node.ts'
import type { NodeDefinition } from '../object-info.ts'

export type { DeclaredInput } from './compile-node.ts'

type Inputs = Readonly<Record<string, unknown>>

/** The inputs that a node declares for the values it has; dynamic inputs are expanded when `expands`. */
export function declaredInputs(definition: NodeDefinition, values: Inputs, expands: boolean): readonly DeclaredInput[] {
  return expandInputs(compileNode(definition), values, expands)
}

/** The same for a definition that is compiled. */
export function expandInputs(
  { inputs, hasDynamicInputs }: CompiledNode,
  values: Inputs,
  expands: boolean,
): readonly DeclaredInput[] {
  if (!expands || !hasDynamicInputs) return inputs
  const declared: DeclaredInput[] = []
  addAll(declared, inputs, values)
  return declared
}

function addAll(to: DeclaredInput[], inputs: readonly DeclaredInput[], values: Inputs): void {
  for (const input of inputs) {
    const { dynamic, name } = input
    switch (dynamic?.kind) {
      case undefined:
        to.push(input)
        break
      case 'combo': {
        const chosen = Object.hasOwn(values, name) ? dynamic.options.get(values[name]) : undefined
        if (chosen === undefined) break
        to.push(input)
        addAll(to, chosen, values)
        break
      }
      case 'autogrow':
        addAll(to, dynamic.inputs, values)
        break
      case 'slot':
        if (!Object.hasOwn(values, name)) break
        to.push(input)
        addAll(to, dynamic.inputs, values)
    }
  }
}
