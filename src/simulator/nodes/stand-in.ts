import { drawResult } from '../drawing/draw-result.ts'
import type { MaskPicture, Picture } from '../drawing/picture.ts'
import { describeValue, imageOf, type NodeRun } from './node-run.ts'
import { isNodeValue, type ConditioningValue, type LatentValue, type NodeValue } from './node-values.ts'

/* What classes give that the simulator does not execute: the right kind of thing, which says what it is. */

const defaultSide = 512
/** A larger picture shows nothing more. */
const maxSide = 1024
const cell = 8

/** How much of a picture that went in shows in what is drawn. */
const inputShare = 0.6

/** A picture, mask, latent or conditioning of what went into the node; undefined for everything else. */
export function contentOf(run: NodeRun, type: string | readonly unknown[]): NodeValue | undefined {
  switch (type) {
    case 'IMAGE':
      return imageOf(drawStandIn(run))
    case 'MASK':
      return { kind: 'mask', masks: [maskStandIn(run)] }
    case 'LATENT':
      return latentStandIn(run)
    case 'CONDITIONING':
      return conditioningStandIn(run)
    default:
      return undefined
  }
}

/** A drawn picture of what went into the node. */
export function drawStandIn(run: NodeRun): Picture {
  const [base] = valuesIn(run).flatMap(picturesOf)
  return drawResult({
    ...sizeOf(run),
    text: textsOf(run).join(', '),
    identity: JSON.stringify(partsOf(run)),
    note: `in place of ${run.classType}`,
    label: run.label,
    ...(base !== undefined && { base: { picture: base, share: inputShare } }),
  })
}

function maskStandIn(run: NodeRun): MaskPicture {
  const { width, height, channels, data } = drawStandIn(run)
  const mask = new Uint8Array(width * height)
  for (let at = 0; at < mask.length; at += 1) mask[at] = data[at * channels] ?? 0
  return { width, height, data: mask }
}

/** Empty where nothing was there to be sampled: a decoder draws what it holds. */
function latentStandIn(run: NodeRun): LatentValue {
  const { width, height } = sizeOf(run)
  const whole = (side: number): number => Math.max(cell, Math.floor(side / cell) * cell)
  const isMadeOfSomething = valuesIn(run).length > 0
  const size = { width: whole(width), height: whole(height) }
  return { kind: 'latent', ...size, batchSize: 1, pictures: isMadeOfSomething ? [drawStandIn(run)] : [] }
}

export function conditioningStandIn(run: NodeRun): ConditioningValue {
  const values = valuesIn(run)
  return {
    kind: 'conditioning',
    texts: textsOf(run),
    pictures: values.flatMap(picturesOf),
    settings: values.flatMap((value) => (value.kind === 'conditioning' ? value.settings : [])),
  }
}

export function textStandIn(run: NodeRun): string {
  return [`${run.label}: in place of ${run.classType}`, ...textsOf(run)].join('\n')
}

/** Everything that went in, in a few words each. */
export function partsOf(run: NodeRun): string[] {
  const parts = [run.classType]
  for (const value of Object.values(run.inputs)) {
    if (isNodeValue(value) && value.kind === 'token') parts.push(...value.parts)
    else parts.push(describeValue(value))
  }
  return parts.slice(0, maxParts)
}

/** Values that are made of each other over many nodes do not become larger without end. */
const maxParts = 200

/** What people wrote, as far as it came with what went in. */
export function textsOf(run: NodeRun): string[] {
  const texts = Object.values(run.inputs).flatMap((value) => {
    if (typeof value === 'string') return /\s/.test(value.trim()) ? [value] : []
    if (!isNodeValue(value)) return []
    return value.kind === 'conditioning' || value.kind === 'token' ? (value.texts ?? []) : []
  })
  return [...new Set(texts)].slice(0, 5)
}

export function valuesIn(run: NodeRun): NodeValue[] {
  return Object.values(run.inputs).filter(isNodeValue)
}

/** The size of what goes in, or the one that is asked for. */
function sizeOf(run: NodeRun): { width: number; height: number } {
  const asked = { width: sideInput(run, 'width'), height: sideInput(run, 'height') }
  const [found] = valuesIn(run).flatMap((value): readonly { width: number; height: number }[] => {
    if (value.kind === 'latent') return [value]
    return value.kind === 'mask' ? value.masks : picturesOf(value)
  })
  const width = asked.width ?? found?.width ?? defaultSide
  const height = asked.height ?? found?.height ?? defaultSide
  const scale = Math.min(1, maxSide / Math.max(width, height))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

function sideInput({ inputs }: NodeRun, name: string): number | undefined {
  const value = inputs[name]
  return typeof value === 'number' && Number.isFinite(value) && value >= cell ? Math.round(value) : undefined
}

function picturesOf(value: NodeValue): readonly Picture[] {
  switch (value.kind) {
    case 'image':
    case 'latent':
    case 'conditioning':
      return value.pictures.slice(0, 1)
    case 'token':
      return value.picture === undefined ? [] : [value.picture]
    case 'mask':
      return []
  }
}
