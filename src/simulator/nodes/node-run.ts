import type { FrameImageType } from '../binary-frames.ts'
import type { Picture } from '../drawing/picture.ts'
import type { FileStore } from '../file-store.ts'
import type { NodeUi } from '../history.ts'
import type { SubmittedPrompt } from '../../comfyui/wire/submitted-prompt.ts'
import { pythonRepr } from '../../comfyui/wire/python-json.ts'
import { isNodeValue, type ImageValue, type NodeValue } from './node-values.ts'

/** A node's own failure, told as `execution_error`. */
export class NodeFailure extends Error {
  readonly type: string

  /** @param type the Python class of the exception */
  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}

/** An image that a node shows while it runs. */
export interface ProgressImage {
  type: FrameImageType
  bytes: Buffer
}

export interface NodeRun {
  readonly nodeId: string
  readonly classType: string
  /** Literals, and for links what the source gave. */
  readonly inputs: Readonly<Record<string, unknown>>
  readonly prompt: SubmittedPrompt
  /** `extra_data.extra_pnginfo`. */
  readonly extraPngInfo: unknown
  readonly files: FileStore
  /** Drawn into every made picture. */
  readonly label: string
  readonly stepDelayMs: number
  /** Whether sampler previews are wanted and anybody hears them. */
  readonly wantsPreviews: boolean
  /** Reports a tick; an image goes with it. Rejects when the job was interrupted. */
  progress(value: number, max: number, image?: ProgressImage): Promise<void>
  /** Shows a text on the node. */
  showText(text: string): void
  /** Milliseconds. */
  sleep(ms: number): Promise<void>
}

export interface NodeResult {
  outputs: readonly unknown[]
  ui?: NodeUi
}

/** `undefined` where it cannot do it for these inputs: something stands in for the result. */
export type NodeImplementation = (run: NodeRun) => NodeResult | undefined | Promise<NodeResult | undefined>

export function numberInput({ inputs }: NodeRun, name: string, fallback = 0): number {
  const value = inputs[name]
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : fallback
}

export function textInput({ inputs }: NodeRun, name: string): string {
  const value = inputs[name]
  return typeof value === 'string' ? value : ''
}

/** The linked value of this kind. @throws NodeFailure when there is another or none */
export function linkedInput<K extends NodeValue['kind']>(
  run: NodeRun,
  name: string,
  kind: K,
): Extract<NodeValue, { kind: K }> {
  const value = run.inputs[name]
  if (isOfKind(value, kind)) return value
  throw new NodeFailure('TypeError', `${run.classType}: ${name} is no ${kind}: ${describeValue(value)}`)
}

export function optionalInput<K extends NodeValue['kind']>(
  run: NodeRun,
  name: string,
  kind: K,
): Extract<NodeValue, { kind: K }> | undefined {
  return run.inputs[name] === undefined || run.inputs[name] === null ? undefined : linkedInput(run, name, kind)
}

function isOfKind<K extends NodeValue['kind']>(value: unknown, kind: K): value is Extract<NodeValue, { kind: K }> {
  return isNodeValue(value) && value.kind === kind
}

export function imageOf(...pictures: Picture[]): ImageValue {
  return { kind: 'image', pictures }
}

/** A value in a few words: what an error shows of the inputs of its node. */
export function describeValue(value: unknown): string {
  if (!isNodeValue(value)) return pythonRepr(value)
  switch (value.kind) {
    case 'image':
      return `image ${value.pictures[0]?.width ?? 0}x${value.pictures[0]?.height ?? 0}, batch of ${value.pictures.length}`
    case 'mask':
      return `mask ${value.masks[0]?.width ?? 0}x${value.masks[0]?.height ?? 0}`
    case 'latent':
      return `latent ${value.width}x${value.height}, batch of ${value.batchSize}`
    case 'conditioning':
      return `conditioning of ${pythonRepr([...value.texts])}`
    case 'token':
      return `${value.type} of ${value.parts.join(', ')}`
    default:
      return value satisfies never
  }
}
