import { isRecord } from '../../../lib/json-record.ts'
import { PythonException } from './python-exception.ts'

/** Whether a name as loader nodes take it leads to an existing file or folder. */
export type FileExists = (annotatedName: string) => boolean

type Inputs = Readonly<Record<string, unknown>>

export interface NodeValidator {
  /** Inputs that the validator takes by name: their limits and choices are not checked. */
  takes: readonly string[]
  /** Takes all other inputs as well. */
  takesAll?: boolean
  /** Takes the types of the linked outputs: link types are not checked. */
  takesTypes?: boolean
  /** `true`, or what is wrong. @throws PythonException as the class itself raises */
  check(inputs: Inputs, linkedTypes: Inputs, fileExists: FileExists): true | string
}

const accepts = (...takes: string[]): NodeValidator => ({ takes, check: () => true })

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
    if (name === undefined || name === '' || name === 'none') return true
    if (typeof name !== 'string') throw new PythonException('AttributeError', 'object has no attribute endswith')
    return fileExists(name) || `Invalid model file: ${name}`
  },
}

const fluxUltra: NodeValidator = {
  takes: ['aspect_ratio'],
  check(inputs) {
    const match = /^\s*(\d+)\s*:\s*(\d+)\s*$/.exec(String(inputs['aspect_ratio']))
    const [width, height] = [Number(match?.[1]), Number(match?.[2])]
    const ratio = width / height
    if (!(width > 0 && height > 0 && ratio >= 0.25 && ratio <= 4)) {
      throw new PythonException('ValueError', 'Aspect ratio is invalid')
    }
    return true
  },
}

const tripoConversion: NodeValidator = {
  takes: ['input_types'],
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
  CustomCombo: { ...accepts('choice', 'index'), takesAll: true },
  SelectModelDevice: accepts('device'),
  SelectCLIPDevice: accepts('device'),
  SelectVAEDevice: accepts('device'),
  ModelAttentionBackend: accepts('attention'),
  FluxProUltraImageNode: fluxUltra,
  TripoConversionNode: tripoConversion,
}

/** The class's own check, which `/object_info` does not show. */
export function nodeValidator(classType: string): NodeValidator | undefined {
  return Object.hasOwn(validators, classType) ? validators[classType] : undefined
}

/** A literal as the server takes it out of its wrapping. */
export function unwrapped(value: unknown): unknown {
  return isRecord(value) && '__value__' in value ? value['__value__'] : value
}
