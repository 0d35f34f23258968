import type { NodeLookup } from '../comfyui/wire/object-info.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { ConversionRefusedError, type Conversion, type ConversionWarning } from './conversion.ts'
import { findFlaws } from './graph/find-flaws.ts'
import { findObstacles, findRecursion } from './graph/find-obstacles.ts'
import { createHostValues } from './graph/host-values.ts'
import { loadWorkflow } from './graph/load-graph.ts'
import { findPromotedSlots } from './graph/promoted-slots.ts'
import { readUiWorkflow } from './graph/read-ui-workflow.ts'
import { createLinkResolver } from './graph/resolve-links.ts'
import { walkNodes, isActive } from './graph/walk-nodes.ts'
import { writePrompt } from './graph/write-prompt.ts'
import { collectHints } from './hints/collect-hints.ts'
import type { ExportHints } from './parameters/export-hints.ts'
import { readExport } from './read-export.ts'

export interface ConvertOptions {
  /** What is known of node classes: with it the file's lists of values become inputs by name. */
  readonly lookUp: NodeLookup
  /** Where that is from, for people: `object_info.json`. */
  readonly source: string
}

/**
 * Makes the prompt that ComfyUI's editor would queue for an exported workflow. A file that has a prompt already gives
 * that one, unchanged. The same file and definitions give the same prompt: texts with choices (`{a|b}`) stay as they are.
 * @param exported parsed JSON of a workflow in any form in which ComfyUI writes one
 * @throws ConversionRefusedError with all that is in the way
 */
export function convertWorkflow(exported: unknown, options: ConvertOptions): Conversion {
  const { prompt, workflow } = readExport(exported)
  if (prompt !== undefined) return keepPrompt(prompt, workflow, options)
  return { format: 'ui', ...convertUi(workflow, options) }
}

function convertUi(exported: unknown, { lookUp, source }: ConvertOptions): Omit<Conversion, 'format'> {
  const ui = readUiWorkflow(exported)
  refuse(findRecursion(ui))
  const workflow = loadWorkflow(ui, lookUp)
  const places = walkNodes(workflow)
  refuse(byNode(findObstacles(places, workflow, source)))
  const findSlots = findPromotedSlots(workflow)
  const hostValues = createHostValues(findSlots)
  const broken = new Map<string, ConversionWarning>()
  const resolver = createLinkResolver({
    workflow,
    findSlots,
    hostValues,
    onBroken: (scope, node, input) => {
      if (!isActive(node)) return
      const id = `${scope.prefix}${node.id}`
      const message = `Node ${id} ${node.ui.type}: the link ${input.link ?? ''} at ${input.name} is not in the file, or its origin is not; it counts as none. Open the file in ComfyUI and save it again.`
      broken.set(`${id} ${input.name}`, {
        code: 'broken_link',
        node: id,
        classType: node.ui.type,
        input: input.name,
        message,
      })
    },
  })
  const prompt = writePrompt(places, resolver)
  const flaws = findFlaws(places, prompt, { hostValues })
  return {
    prompt,
    warnings: byNode([...emptiness(prompt), ...broken.values(), ...flaws]),
    hints: collectHints({ workflow, places, prompt, findSlots }),
  }
}

function emptiness(prompt: Prompt): ConversionWarning[] {
  if (Object.keys(prompt).length > 0) return []
  return [{ code: 'nothing_runs', message: 'The workflow has no node that runs: the prompt is empty.' }]
}

/** A prompt is what ran. The workflow beside it only tells what people called things. */
function keepPrompt(prompt: Prompt, workflow: unknown, options: ConvertOptions): Conversion {
  const unknown = Object.entries(prompt).flatMap(([node, { class_type: classType }]): ConversionWarning[] => {
    if (options.lookUp(classType) !== undefined) return []
    return [
      {
        code: 'unknown_class',
        node,
        classType,
        message: `Node ${node}: the class ${classType} is unknown to ${options.source}.`,
      },
    ]
  })
  const { hints, warnings } = hintsBeside(prompt, workflow, options)
  return { format: 'api', prompt, warnings: [...unknown, ...largeNumbers(prompt), ...warnings], hints }
}

/** Programs in other languages write more digits than there are in a number here; seeds have 64 bits. */
function largeNumbers(prompt: Prompt): ConversionWarning[] {
  return Object.entries(prompt).flatMap(([node, { class_type: classType, inputs }]) =>
    Object.entries(inputs).flatMap(([input, value]): ConversionWarning[] => {
      if (typeof value !== 'number' || !Number.isInteger(value)) return []
      if (Number.isSafeInteger(value) || Math.abs(value) > 2 ** 64) return []
      const message = `Node ${node} ${classType}: ${input} is a number beyond ${Number.MAX_SAFE_INTEGER}; it is rounded to ${value}.`
      return [{ code: 'number_rounded', node, classType, input, message }]
    }),
  )
}

function hintsBeside(
  prompt: Prompt,
  workflow: unknown,
  options: ConvertOptions,
): { hints: ExportHints; warnings: readonly ConversionWarning[] } {
  if (workflow === undefined) return { hints: {}, warnings: [] }
  try {
    const converted = convertUi(workflow, options)
    const isSame = Object.keys(converted.prompt).every(
      (id) => prompt[id]?.class_type === converted.prompt[id]?.class_type,
    )
    if (isSame) return { hints: converted.hints, warnings: [] }
  } catch (error) {
    if (!(error instanceof ConversionRefusedError)) throw error
  }
  const message =
    'The workflow beside the prompt is of another graph, or cannot be read; names and labels are not known.'
  return { hints: {}, warnings: [{ code: 'no_hints', message }] }
}

/** In the order of the ids, numbers as numbers. */
function byNode<T extends { readonly node?: string }>(list: readonly T[]): T[] {
  const { compare } = new Intl.Collator('en', { numeric: true })
  return list.toSorted((a, b) => compare(a.node ?? '', b.node ?? ''))
}

function refuse(reasons: ConversionRefusedError['reasons']): void {
  if (reasons.length > 0) throw new ConversionRefusedError(reasons)
}
