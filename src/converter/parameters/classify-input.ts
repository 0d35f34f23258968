import { inputChoices, inputOptions, inputType, type InputSpec } from '../../comfyui/wire/object-info.ts'
import type { PromptInput } from '../../comfyui/wire/prompt.ts'
import { isRecord } from '../../lib/json-record.ts'
import {
  advancedName,
  hostPath,
  isLatentSize,
  markedNode,
  mediaFlags,
  mediaInputs,
  modelFile,
  modelInputs,
  neverInputs,
  promptNames,
  sizeNames,
  valueHolder,
} from './input-tables.ts'
import type { Media, ParameterLevel } from './parameter-plan.ts'
import type { GraphNode, PromptGraph } from './prompt-graph.ts'
import { slugOf, usualName } from './role-of-title.ts'
import { isPromptText, textKey, type TextUse } from './trace-texts.ts'

export type InputKind = 'media' | 'model' | 'seed' | 'prompt' | 'negative_prompt' | 'holder' | 'size' | 'setting'

/** What a value of a prompt is to callers. */
export interface InputMeaning {
  readonly kind: InputKind
  /** `never`: no choice of callers, and not even to be offered with everything else. */
  readonly level: ParameterLevel | 'never'
  /** Name in the words of the field; undefined where no table knows it. */
  readonly name: string | undefined
  readonly media?: Media
}

export type TextUses = ReadonlyMap<string, TextUse>

/** The part of an input's name that says what it is: `resize_type.width` is a width. */
export function lastPart(input: string): string {
  return input.slice(input.lastIndexOf('.') + 1)
}

/** Whether callers can never set an input, whatever anybody asks for, and why. */
export function whySealed(node: GraphNode, input: string): string | undefined {
  if (input === 'filename_prefix') return 'the gateway sets every filename_prefix itself'
  if (neverInputs.has(input)) return 'it is part of the editor'
  if (node.classType === 'CustomCombo' && input !== 'choice') return 'it follows from choice'
  if (mediaOf(node, input) === undefined && hostPath.test(lastPart(input)) && !modelValue(node, input)) {
    return 'it names a file or folder of the ComfyUI host'
  }
  return undefined
}

/** What a literal input is, by the rules in their order: the first that fits decides. */
export function classifyInput(graph: PromptGraph, node: GraphNode, input: string, uses: TextUses): InputMeaning {
  const value = node.inputs.get(input)
  const spec = node.specs.get(input)
  const last = lastPart(input)
  const media = mediaOf(node, input)
  if (whySealed(node, input) !== undefined || isSelector(spec) || isHidden(spec, media)) return never()
  if (media !== undefined) return { kind: 'media', level: 'main', name: mediaName(graph, node, media), media }
  const model = modelName(node, input)
  if (model !== undefined) return { kind: 'model', level: 'advanced', name: model }
  if (markedNode(node.classType)?.value === input) return { kind: 'holder', level: 'main', name: undefined }
  if (isSeed(graph, node, input)) {
    return node.inputs.get('add_noise') === 'disable' ? never() : { kind: 'seed', level: 'main', name: 'seed' }
  }
  if (typeof value === 'string' && !isChoice(spec)) {
    const text = classifyText(node, input, uses)
    if (text !== undefined) return text
  }
  const rootLevel = node.isRoot ? 'main' : 'off'
  if (valueHolder.test(node.classType)) return { kind: 'holder', level: rootLevel, name: undefined }
  const table = advancedName(node.classType, input)
  const isSize = sizeNames.has(last) && value !== true && value !== false
  if (isSize && (typeof value === 'number' || isChoice(spec))) {
    const isKnown = table !== undefined || isLatentSize(node.classType, input)
    return { kind: 'size', level: node.isRoot ? 'main' : isKnown ? 'advanced' : 'off', name: usualName(last) }
  }
  if (isLatentSize(node.classType, input)) return { kind: 'size', level: 'advanced', name: last }
  if (table !== undefined) return { kind: 'setting', level: 'advanced', name: table }
  return { kind: 'setting', level: 'off', name: undefined }
}

function never(): InputMeaning {
  return { kind: 'setting', level: 'never', name: undefined }
}

function classifyText(node: GraphNode, input: string, uses: TextUses): InputMeaning | undefined {
  const last = lastPart(input)
  const use = uses.get(textKey(node.id, input))
  const isNamed = promptNames.has(last)
  if (use === undefined && !isNamed && !isPromptText(node, input)) return undefined
  const isNegative =
    last.startsWith('negative') || /\bnegative\b/i.test(node.title ?? '') || (use?.negative === true && !use.positive)
  const level = node.isRoot ? 'main' : 'advanced'
  if (isNegative && (use !== undefined || isNamed)) return { kind: 'negative_prompt', level, name: 'negative_prompt' }
  if (last === 'tags' || last === 'lyrics')
    return { kind: 'prompt', level: use === undefined ? 'off' : level, name: last }
  if (use !== undefined) return { kind: 'prompt', level: 'main', name: 'prompt' }
  // A text for a model that no sampler asks for.
  if (isPromptText(node, input)) return { kind: 'prompt', level: 'off', name: 'prompt' }
  return { kind: 'prompt', level: 'main', name: 'prompt' }
}

/** The media that an input loads; undefined for other inputs. */
export function mediaOf(node: GraphNode, input: string): Media | undefined {
  const known = own(mediaInputs, `${node.classType}.${input}`)
  if (known !== undefined) return known
  const marked = markedNode(node.classType)
  if (marked?.value === input) {
    const kind = /Image|Mask|Video|Audio/.exec(node.classType)?.[0].toLowerCase()
    if (kind === 'image' || kind === 'mask' || kind === 'video' || kind === 'audio') return kind
  }
  const spec = node.specs.get(input)
  if (spec === undefined) return undefined
  const options = inputOptions(spec)
  const flag = Object.keys(mediaFlags).find((each) => options[each] === true)
  return flag === undefined ? undefined : mediaFlags[flag]
}

/** A picture of which only the alpha channel is used is a mask. */
function mediaName(graph: PromptGraph, node: GraphNode, media: Media): Media {
  if (media !== 'image' || node.classType !== 'LoadImage') return media
  const uses = graph.consumersOf(node.id)
  return uses.length > 0 && uses.every(({ slot }) => slot === 1) ? 'mask' : 'image'
}

function isHidden(spec: InputSpec | undefined, media: Media | undefined): boolean {
  return spec !== undefined && media === undefined && inputOptions(spec)['hidden'] === true
}

/** Chooses which other inputs there are. */
export function isSelector(spec: InputSpec | undefined): boolean {
  return spec !== undefined && inputType(spec) === 'COMFY_DYNAMICCOMBO_V3'
}

export function isChoice(spec: InputSpec | undefined): boolean {
  return spec !== undefined && inputChoices(spec) !== undefined
}

function modelName(node: GraphNode, input: string): string | undefined {
  const known = own(modelInputs, `${node.classType}.${input}`)
  if (known !== undefined) return known
  if (!modelValue(node, input)) return undefined
  const last = lastPart(input)
  if (/^clip_name\d*$/.test(last)) return 'text_encoder'
  if (!/^(model_name|name|model|file_name|ckpt|file)$/.test(last)) {
    const plain = slugOf(last).replace(/_name(_?\d+)?$/, '')
    const usual = usualName(slugOf(last).replace(/_?\d+$/, ''))
    return usual === slugOf(last).replace(/_?\d+$/, '') ? plain : usual
  }
  const subject = slugOf(
    node.classType.replace(/^Load(?=[A-Z])/, '').replace(/(Loader|LoaderV\d+|Simple|Provider)+$/, ''),
  )
  return subject === '' ? 'model_name' : subject
}

/** Names a model file: by its ending, or because a loader offers files of a folder. */
function modelValue(node: GraphNode, input: string): boolean {
  const value = node.inputs.get(input)
  if (typeof value !== 'string') return false
  const spec = node.specs.get(input)
  if (spec !== undefined && !isChoice(spec)) return false
  if (modelFile.test(value)) return true
  if (own(modelInputs, `${node.classType}.${input}`) !== undefined) return true
  const choices = spec === undefined ? undefined : inputChoices(spec)
  const isNamed = /(^|_)name\d*$|^model$/.test(lastPart(input)) && !/sampler_name|scheduler_name/.test(input)
  return (
    isNamed && choices?.length === 0 && !isRecord(spec?.[1] === undefined ? undefined : inputOptions(spec)['remote'])
  )
}

const seedName = /^(seed|noise_seed|rand_seed|random_seed)$/

/** A number that only has to be another one each time. */
export function isSeed(graph: PromptGraph, node: GraphNode, input: string): boolean {
  if (typeof node.inputs.get(input) !== 'number') return false
  if (node.classType === 'PrimitiveInt') {
    if (/\bseed\b/i.test(node.title ?? '')) return true
    const uses = graph.consumersOf(node.id)
    return uses.length > 0 && uses.every((use) => use.node.id !== node.id && isSeedInput(use.node, use.input))
  }
  return isSeedInput(node, input)
}

function isSeedInput(node: GraphNode, input: string): boolean {
  if (valueHolder.test(node.classType)) return false
  const spec = node.specs.get(input)
  if (seedName.test(lastPart(input))) return spec === undefined || inputType(spec) === 'INT'
  if (spec === undefined || inputType(spec) !== 'INT') return false
  const control = inputOptions(spec)['control_after_generate']
  return control === true || typeof control === 'string'
}

/** Literal values that a parameter can stand for; lists only where the class offers several choices at once. */
export function isParameterValue(value: PromptInput | undefined, spec: InputSpec | undefined): boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return true
  return spec !== undefined && isChoice(spec) && chosenList(value) !== undefined
}

/** The texts of `{ __value__: [...] }`. */
export function chosenList(value: PromptInput | undefined): readonly string[] | undefined {
  if (!isRecord(value) || Object.keys(value).length !== 1) return undefined
  const list = value['__value__']
  if (!Array.isArray(list)) return undefined
  const texts = list.filter((item) => typeof item === 'string')
  return texts.length === list.length ? texts : undefined
}

export function own<Value>(table: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}
