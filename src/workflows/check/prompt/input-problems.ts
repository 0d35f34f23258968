import { inputType, type NodeDefinition } from '../../../comfyui/wire/object-info.ts'
import type { DeclaredInput } from '../../../comfyui/wire/verdict/compile-node.ts'
import { nodeValidator, unwrapped } from '../../../comfyui/wire/verdict/node-validators.ts'
import { nearestName } from '../../../lib/nearest-name.ts'
import { linkShapedIn } from '../../graph/prompt-links.ts'
import type { LinkedNode } from '../../graph/graph-rules.ts'
import type { CheckProblem } from '../check-problem.ts'
import type { CheckedGraph } from './checked-graph.ts'
import { conversionOf } from './conversions.ts'
import { brokenDynamicInputs, type BrokenDynamicInput } from './dynamic-inputs.ts'
import { leadsOut } from './listed-files.ts'
import { listed, shown } from '../words.ts'

type Told = Pick<CheckProblem, 'severity' | 'kind' | 'code' | 'message'> & Partial<CheckProblem>

/** What is wrong with the inputs of one node, and what ComfyUI does not mind when it accepts the graph. */
export function inputProblems(id: string, graph: CheckedGraph): readonly CheckProblem[] {
  const node = graph.nodes[id]
  const definition = node && graph.lookUp(node.class_type)
  if (node === undefined || definition === undefined || definition.unreadable === true) return []
  const isReached = graph.reached.has(id)
  const declared = graph.declared(id)
  const broken = graph.catalogue.rules.expandsDynamicInputs ? brokenDynamicInputs(definition, node.inputs) : []
  const problems: Told[] = isReached ? broken.map((each) => dynamicProblem(each, node)) : []
  if (isReached && definition['deprecated'] === true) problems.push(deprecatedProblem(node))
  for (const [input, value] of Object.entries(node.inputs)) {
    const known = declared.get(input)
    if (known === undefined) {
      const isTold = broken.some(({ name }) => input === name || input.startsWith(`${name}.`))
      if (!isTold) problems.push(...undeclaredProblem(node, input, value, { definition, declared, isReached }))
    } else {
      const found = literalProblems(known, value, isReached && isOwnClass(definition))
      // Of a node that does not run, only what its author cannot have meant.
      problems.push(...(isReached ? found : found.filter(({ code }) => code === 'literal_for_link')))
    }
  }
  return problems.map((problem) => ({ node: id, classType: node.class_type, ...problem }))
}

/** Part of ComfyUI itself: what it does with its inputs is known. */
function isOwnClass({ python_module: module }: NodeDefinition): boolean {
  return typeof module === 'string' && /^(?:nodes$|comfy_extras\.|comfy_api_nodes\.)/.test(module)
}

function dynamicProblem({ name, keys, isMissing }: BrokenDynamicInput, { inputs }: LinkedNode): Told {
  const value = inputs[name]
  const near = typeof value === 'string' ? nearestName(value, keys) : undefined
  const choices = `Choose one of ${listed(keys.map(shown))}.`
  const problem = { severity: 'error', kind: 'fails', input: name } as const
  if (isMissing) {
    const message = 'It chooses which other inputs there are, and there is none: the job fails.'
    return { ...problem, code: 'missing_dynamic_choice', message, fix: choices }
  }
  const what = linkShapedIn(value) === undefined ? `${shown(value)} is no choice here` : 'It cannot be a link'
  return {
    ...problem,
    code: 'unknown_dynamic_choice',
    value,
    message: `${what}; ComfyUI accepts it, and the job fails.`,
    fix: near === undefined ? choices : `Did you mean ${shown(near)}?`,
  }
}

function deprecatedProblem({ class_type: classType }: LinkedNode): Told {
  const message = `${classType} is marked as deprecated: a later ComfyUI may be without it.`
  return { severity: 'note', kind: 'flawed', code: 'deprecated_class', message }
}

/** What editors of all ages write into exports for their own use, and no class declares. */
const editorInputs = new Set(['upload', 'choose file to upload', 'control_after_generate', 'audioUI'])

function isOfEditor(input: string, value: unknown): boolean {
  // Classes that show models in three dimensions get the empty name of a picture.
  return editorInputs.has(input) || (input === 'image' && value === '')
}

interface UndeclaredContext {
  readonly definition: NodeDefinition
  readonly declared: ReadonlyMap<string, DeclaredInput>
  readonly isReached: boolean
}

function undeclaredProblem(
  { class_type: classType, inputs }: LinkedNode,
  input: string,
  value: unknown,
  { definition, declared, isReached }: UndeclaredContext,
): readonly Told[] {
  const isOwn = isOwnClass(definition)
  const isLink = linkShapedIn(value) !== undefined
  if (!isLink && (isOfEditor(input, value) || nodeValidator(classType)?.takesAll === true)) return []
  const near = nearestName(
    input,
    [...declared.keys()].filter((name) => !Object.hasOwn(inputs, name)),
  )
  const isLikely = near !== undefined && !isOfSeries(input, declared.keys())
  const message = `${classType} has no input ${shown(input)}`
  const problem = {
    // Classes of custom nodes may take inputs that they do not declare.
    severity: isOwn || isLikely ? 'warning' : 'note',
    kind: 'flawed',
    input,
    value,
    fix: near === undefined ? 'Leave it out.' : `Did you mean ${near}?`,
  } as const
  if (!isLink || !isReached) {
    const unless = isOwn ? '' : ', unless the class takes what it does not declare'
    return [{ ...problem, code: 'undeclared_input', message: `${message}: ComfyUI ignores it${unless}.` }]
  }
  const code = 'undeclared_link'
  if (isOwn)
    return [
      { ...problem, severity: 'error', kind: 'fails', code, message: `${message}: this link makes the job fail.` },
    ]
  return [{ ...problem, code, message: `${message}: the job fails, unless the class takes what it does not declare.` }]
}

/** One more of a series of which the class declares the first ones, such as `image3`. */
function isOfSeries(input: string, declared: Iterable<string>): boolean {
  const stem = input.replace(/\d+$/, '')
  return stem !== input && [...declared].some((name) => name !== stem && name.replace(/\d+$/, '') === stem)
}

/** Types of ComfyUI itself that only links bring. */
const linkedTypes: ReadonlySet<string> = new Set([
  ...['IMAGE', 'MASK', 'LATENT', 'MODEL', 'CLIP', 'VAE', 'CONDITIONING', 'CONTROL_NET', 'STYLE_MODEL', 'GLIGEN'],
  ...['CLIP_VISION', 'CLIP_VISION_OUTPUT', 'UPSCALE_MODEL', 'LATENT_UPSCALE_MODEL', 'SAMPLER', 'SIGMAS', 'NOISE'],
  ...['GUIDER', 'AUDIO', 'VIDEO', 'HOOKS', 'HOOK_KEYFRAMES', 'MODEL_PATCH', 'AUDIO_ENCODER', 'AUDIO_ENCODER_OUTPUT'],
  ...['PHOTOMAKER', 'MESH', 'VOXEL', 'LORA_MODEL', 'LOSS_MAP', 'TIMESTEPS_RANGE', 'LATENT_OPERATION', 'TRACKS'],
])

function isLinkedType(type: unknown): boolean {
  return typeof type === 'string' && type.split(',').every((name) => linkedTypes.has(name.trim()))
}

function literalProblems(
  { name: input, spec, required }: DeclaredInput,
  given: unknown,
  isOwn: boolean,
): readonly Told[] {
  if (Array.isArray(given) || linkShapedIn(given) !== undefined) return []
  const value = unwrapped(given)
  const type = inputType(spec)
  if (isLinkedType(type)) {
    if (value === null && !required) return []
    const message = `${shown(value)} stands where a link to an output of type ${String(type)} is needed`
    const fix = `Link it to a node that gives ${String(type)}.`
    return isOwn
      ? [
          {
            severity: 'error',
            kind: 'fails',
            code: 'literal_for_link',
            input,
            value,
            message: `${message}: ComfyUI accepts it, and the job fails.`,
            fix,
          },
        ]
      : [
          {
            severity: 'warning',
            kind: 'flawed',
            code: 'literal_for_link',
            input,
            value: given,
            message: `${message}.`,
            fix,
          },
        ]
  }
  if (input === 'filename_prefix' && type === 'STRING' && typeof value === 'string' && leadsOut(value)) {
    const message = `${shown(value)} leads out of the output folder: ComfyUI accepts it, and the job fails.`
    const fix = 'Give a path inside of the output folder, without a leading slash.'
    return [
      {
        severity: isOwn ? 'error' : 'warning',
        kind: isOwn ? 'fails' : 'flawed',
        code: 'unsafe_filename_prefix',
        input,
        value,
        message,
        fix,
      },
    ]
  }
  const conversion = conversionOf(type, value)
  if (conversion === undefined) return []
  return [{ kind: 'flawed', code: 'value_converted', input, value: given, ...conversion }]
}
