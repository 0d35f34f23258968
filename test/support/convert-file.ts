import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import type { NodeDefinition } from '../../src/comfyui/wire/object-info.ts'
import type { Conversion, RefusalReason } from '../../src/converter/conversion.ts'
import { ConversionRefusedError } from '../../src/converter/conversion.ts'
import { convertWorkflow } from '../../src/converter/convert-workflow.ts'

/** A class with these inputs, for what no class of ComfyUI itself has. */
export function definition(
  required: Readonly<Record<string, unknown[]>>,
  { optional = {}, output = ['IMAGE'] }: { optional?: Readonly<Record<string, unknown[]>>; output?: string[] } = {},
): NodeDefinition {
  return {
    input: { required: { ...required }, optional: { ...optional } },
    input_order: { required: Object.keys(required), optional: Object.keys(optional) },
    output,
  }
}

/** Converts with the classes of bare ComfyUI, and with `classes`. */
export function convertFile(exported: unknown, classes: Readonly<Record<string, NodeDefinition>> = {}): Conversion {
  return convertWorkflow(exported, {
    lookUp: (classType) => classes[classType] ?? coreNode(classType),
    source: 'the definitions of the test',
  })
}

/** The inputs of the nodes of the prompt, by their ids. */
export function inputsOf({ prompt }: Pick<Conversion, 'prompt'>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(prompt).map(([id, { inputs }]) => [id, inputs]))
}

/** Why nothing can be made of the file. */
export function refusalOf(convert: () => unknown): readonly RefusalReason[] {
  try {
    convert()
  } catch (error) {
    if (error instanceof ConversionRefusedError) return error.reasons
    throw error
  }
  return []
}
