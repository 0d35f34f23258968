import { coreNode } from '../../../comfyui/wire/core-nodes.ts'
import { compileNode, type DeclaredInput } from '../../../comfyui/wire/verdict/compile-node.ts'

/** An input of a class of ComfyUI's own as the newest known release has it. */
export function newerInput(classType: string, input: string): DeclaredInput | undefined {
  const definition = coreNode(classType)
  return definition && compileNode(definition).inputs.find(({ name }) => name === input)
}
