import { isRecord } from '../../../lib/json-record.ts'
import { isLinkShaped } from '../prompt.ts'
import { ConversionError, convertValue, isTruthy } from './convert-value.ts'
import type { DeclaredInput } from './compile-node.ts'
import type { NodeError } from './node-error.ts'
import { PythonException } from './python-exception.ts'

/** Whether a name as loader nodes take it leads to an existing file or folder. */
export type FileExists = (annotatedName: string) => boolean

type Inputs = Readonly<Record<string, unknown>>

export interface NodeValidator {
  /** Inputs that the validator takes by name: their limits and choices are not checked. */
  takes: readonly string[]
  /** Those of them that it cannot do without; otherwise all. */
  needs?: readonly string[]
  /** Takes all other inputs as well. */
  takesAll?: boolean
  /** Takes the types of the linked outputs: link types are not checked. */
  takesTypes?: boolean
  /** `true`, or what is wrong. @throws PythonException as the class itself raises */
  check(inputs: Inputs, linkedTypes: Inputs, fileExists: FileExists): true | string
}

const accepts = (...takes: string[]): NodeValidator => ({ takes, check: () => true })

const selectsDevice: NodeValidator = { ...accepts('device'), needs: [] }

function fileValidator(input: string, what: string): NodeValidator {
  return {
    takes: [input],
    check(inputs, _types, fileExists) {
      const name = inputs[input]
      if (typeof name !== 'string') throw new PythonException('AttributeError', 'object has no attribute endswith')
      return fileExists(name) || `Invalid ${what} file: ${name}`
    },
  }
}

const model3d: NodeValidator = {
  takes: ['model_file'],
  takesAll: true,
  check(inputs, _types, fileExists) {
    const name = inputs['model_file']
    if (!isTruthy(name) || name === 'none') return true
    if (typeof name !== 'string') throw new PythonException('AttributeError', 'object has no attribute endswith')
    return fileExists(name) || `Invalid 3D model file: ${name}`
  },
}

const fluxUltra: NodeValidator = {
  takes: ['aspect_ratio'],
  check(inputs) {
    const [width = NaN, height = NaN, ...others] = ratioParts(inputs['aspect_ratio'])
    const ratio = width / height
    if (others.length > 0 || !(width > 0 && height > 0 && ratio >= 0.25 && ratio <= 4)) {
      throw new PythonException('ValueError', 'Aspect ratio is invalid')
    }
    return true
  },
}

function ratioParts(ratio: unknown): readonly number[] {
  if (typeof ratio !== 'string') return []
  try {
    return ratio.split(':').map((part) => Number(convertValue('INT', part)))
  } catch (error) {
    if (error instanceof ConversionError) return []
    throw error
  }
}

const tripoConversion: NodeValidator = {
  takes: ['input_types'],
  needs: [],
  takesTypes: true,
  check(_inputs, linkedTypes) {
    const type = linkedTypes['original_model_task_id']
    const allowed = ['MODEL_TASK_ID', 'RIG_TASK_ID', 'RETARGET_TASK_ID']
    if (type === undefined) throw new PythonException('KeyError', "'original_model_task_id'")
    return (typeof type === 'string' && allowed.includes(type)) || 'original_model_task_id must be a task id'
  },
}

const validators: Readonly<Record<string, NodeValidator>> = {
  LoadImage: fileValidator('image', 'image'),
  LoadImageMask: fileValidator('image', 'image'),
  LoadImageOutput: fileValidator('image', 'image'),
  WebcamCapture: fileValidator('image', 'image'),
  LoadLatent: fileValidator('latent', 'latent'),
  LoadAudio: fileValidator('audio', 'audio'),
  LoadVideo: fileValidator('file', 'video'),
  Load3D: model3d,
  Load3DAdvanced: model3d,
  CustomCombo: { ...accepts('choice', 'index'), needs: ['choice'], takesAll: true },
  SelectModelDevice: selectsDevice,
  SelectCLIPDevice: selectsDevice,
  SelectVAEDevice: selectsDevice,
  ModelAttentionBackend: accepts('attention'),
  FluxProUltraImageNode: fluxUltra,
  TripoConversionNode: tripoConversion,
}

/** Whether the class's own check judges an input, instead of the limits and choices that it declares. */
export function takesInput(validator: NodeValidator, name: string): boolean {
  return validator.takesAll === true || validator.takes.includes(name)
}

interface JudgedNode {
  readonly declared: readonly DeclaredInput[]
  readonly inputs: Inputs
  readonly linkedTypes: Inputs | undefined
  readonly fileExists: FileExists
}

/**
 * What the class's own check says about a node.
 * @throws PythonException where the check raises one
 */
export function runValidator(
  validator: NodeValidator,
  { declared, inputs, linkedTypes = {}, fileExists }: JudgedNode,
): NodeError[] {
  const names = new Set(declared.map(({ name }) => name))
  const handed = Object.keys(inputs).filter(
    (name) => takesInput(validator, name) && (names.has(name) || isLinkShaped(inputs[name])),
  )
  const { takes, needs = takes } = validator
  if (needs.some((name) => !handed.includes(name))) {
    throw new PythonException('TypeError', 'VALIDATE_INPUTS() missing 1 required positional argument')
  }
  const result = validator.check(withoutLinks(inputs), linkedTypes, fileExists)
  if (result === true) return []
  const blamed = validator.takesTypes === true ? [...handed, 'input_types'] : handed
  return blamed.map((name) => ({
    type: 'custom_validation_failed',
    message: 'Custom validation failed for node',
    details: `${name} - ${result}`,
    extra_info: { input_name: name },
  }))
}

/** The check gets nothing for a linked input: its value is not known yet. */
function withoutLinks(inputs: Inputs): Inputs {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, Array.isArray(value) ? null : value]))
}

/** The class's own check, which `/object_info` does not show. */
export function nodeValidator(classType: string): NodeValidator | undefined {
  return Object.hasOwn(validators, classType) ? validators[classType] : undefined
}

/** A literal as the server takes it out of its wrapping. */
export function unwrapped(value: unknown): unknown {
  return isRecord(value) && '__value__' in value ? value['__value__'] : value
}
