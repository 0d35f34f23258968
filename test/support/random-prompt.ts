import fc from 'fast-check'
import { coreClassTypes, coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { inputChoices, inputOptions, inputType, type InputSpec } from '../../src/comfyui/wire/object-info.ts'
import type { Prompt, PromptInput } from '../../src/comfyui/wire/prompt.ts'
import { declaredInputs } from '../../src/comfyui/wire/verdict/declared-inputs.ts'

/** Classes that most workflows are made of come up more often than the rest. */
const common = [
  'CheckpointLoaderSimple',
  'CLIPTextEncode',
  'CLIPTextEncodeFlux',
  'ConditioningZeroOut',
  'ControlNetApplyAdvanced',
  'CustomCombo',
  'EmptyLatentImage',
  'FluxGuidance',
  'KSampler',
  'KSamplerAdvanced',
  'LoadImage',
  'LoraLoader',
  'PrimitiveInt',
  'PrimitiveString',
  'PrimitiveStringMultiline',
  'RandomNoise',
  'ResizeImageMaskNode',
  'StringConcatenate',
  'WanImageToVideo',
]
const oddTexts = [
  '',
  "it's",
  '"quoted" and \'quoted\'',
  '`ticks` and ${holes}',
  'back\\slash \\n',
  'two\nlines\r\nand a tab\t',
  '\n',
  '山水画，细节',
  '🦊 zero\u0000width\u200b\u2028',
  '\ud800',
  '__proto__',
  'x'.repeat(130),
  'a long text of many words '.repeat(8),
]
const textArbitrary = fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit: 'grapheme', maxLength: 150 }))
const idArbitrary = fc.oneof(
  { weight: 6, arbitrary: fc.nat(400).map(String) },
  { weight: 3, arbitrary: fc.tuple(fc.nat(9), fc.nat(30)).map(([host, inner]) => `${host}:${inner}`) },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'a b', 'sampler', "it's", '007') },
)
const nodeArbitrary = fc.record({
  id: idArbitrary,
  classType: fc.oneof(fc.constantFrom(...common), fc.constantFrom(...coreClassTypes())),
  title: fc.option(textArbitrary, { nil: undefined }),
  /** What decides about inputs, one after the other. */
  choices: fc.array(
    fc.record({ number: fc.nat(2 ** 31 - 1), share: fc.double({ min: 0, max: 1, noNaN: true }), text: textArbitrary }),
    {
      minLength: 4,
      maxLength: 8,
    },
  ),
})
type RandomNode = typeof nodeArbitrary extends fc.Arbitrary<infer Node> ? Node : never

/** Graphs of API format over the classes of bare ComfyUI: mostly senseless, with everything that can stand in one. */
export const promptArbitrary: fc.Arbitrary<Prompt> = fc
  .uniqueArray(nodeArbitrary, { minLength: 1, maxLength: 12, selector: ({ id }) => id })
  .map(makePrompt)

function makePrompt(nodes: readonly RandomNode[]): Prompt {
  const made: (readonly [string, Prompt[string]])[] = []
  for (const node of nodes) made.push([node.id, makeNode(node, made)])
  // Without an output nothing of a graph is used.
  const outputs = made.map(([id], index) => {
    const node: Prompt[string] = { class_type: 'PreviewAny', inputs: { source: [id, 0] } }
    return [`output:${index}`, node] as const
  })
  return Object.fromEntries([...made, ...outputs])
}

function makeNode(node: RandomNode, before: readonly (readonly [string, Prompt[string]])[]): Prompt[string] {
  const definition = coreNode(node.classType)
  const inputs: Record<string, PromptInput> = {}
  let turn = 0
  const next = () => node.choices[turn++ % node.choices.length] ?? { number: 0, share: 0, text: '' }
  // Values of dynamic inputs bring further inputs.
  for (let round = 0; round < 4 && definition !== undefined; round += 1) {
    for (const { name, spec, required } of declaredInputs(definition, inputs, true)) {
      if (name in inputs) continue
      const choice = next()
      if (!required && choice.number % 3 === 0) continue
      const value = makeValue(spec, choice)
      if (value !== undefined && (before.length === 0 || choice.number % 7 !== 0)) inputs[name] = value
      else {
        const source = before[choice.number % Math.max(1, before.length)]
        if (source !== undefined) inputs[name] = [source[0], choice.number % 3]
      }
    }
  }
  if (node.classType === 'CustomCombo') {
    const options = ['one', "it's two", 'three', '']
    const index = next().number % 3
    options.forEach((option, place) => (inputs[`option${place + 1}`] = option))
    Object.assign(inputs, { choice: options[index], index })
  }
  const meta = node.title === undefined ? {} : { _meta: { title: node.title } }
  return { class_type: node.classType, inputs, ...meta }
}

function makeValue(spec: InputSpec, { number, share, text }: RandomNode['choices'][number]): PromptInput | undefined {
  const options = inputOptions(spec)
  const choices = inputChoices(spec)
  if (choices !== undefined) {
    const chosen = choices[number % Math.max(1, choices.length)]
    if (options['multiselect'] === true || options['multi_select'] === true)
      return { __value__: choices.length === 0 ? [] : [String(chosen)] }
    return typeof chosen === 'string' || typeof chosen === 'number' || typeof chosen === 'boolean'
      ? chosen
      : 'some file.safetensors'
  }
  const min = typeof options['min'] === 'number' ? Math.max(options['min'], -1e6) : 0
  const max = typeof options['max'] === 'number' ? options['max'] : 1e6
  switch (inputType(spec)) {
    case 'INT':
      return Math.floor(min + share * (max - min))
    case 'FLOAT':
      return min + share * (Math.min(max, 1e6) - min)
    case 'STRING':
      return text
    case 'BOOLEAN':
      return number % 2 === 0
    case 'COMFY_DYNAMICCOMBO_V3': {
      const list = options['options']
      const option: unknown = Array.isArray(list) ? list[number % Math.max(1, list.length)] : undefined
      return typeof option === 'object' && option !== null && 'key' in option ? String(option.key) : undefined
    }
    default:
      return undefined
  }
}

/** The same graph with its nodes and inputs in another order. */
export function reordered(prompt: Prompt): Prompt {
  const turned = Object.entries(prompt).toReversed()
  return Object.fromEntries(
    turned.map(([id, node]) => [id, { ...node, inputs: Object.fromEntries(Object.entries(node.inputs).toReversed()) }]),
  )
}
