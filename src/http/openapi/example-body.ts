import { isRecord } from '../../lib/json-record.ts'
import { exampleBody } from '../../workflows/parameters/example-body.ts'
import type { MediaField, ServedWorkflow } from '../../workflows/served-workflow.ts'

/** A black PNG of 64×64 in one bit: as short as can be, and large enough for every model to make something of it. */
const smallPng =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQAAAACCEkxzAAAADklEQVR4AWMYBaOAAgAAAkAAAZJBeAIAAAAASUVORK5CYII='
/** Two black pictures of 64×64 in a GIF: a video for everything that reads videos. */
const smallGif =
  'data:image/gif;base64,R0lGODlhQABAAIAAAExpcQAAACH/C05FVFNDQVBFMi4wAwEAAAAh+QQFCgAAACwAAAAAQABAAAACRYyPqcvtD6OctNqLs968+w+G4kiW5omm6sq27gvH8kzX9o3n+s73/g8MCofEovGITCqXzKbzCY1Kp9Sq9YrNarfcrjdQAAAh+QQFCgAAACwAAAAAAQABAAACAkQBADs='
/** 20 ms of silence: 160 samples of 8 bits. */
const smallWav = `data:audio/wav;base64,UklGRsQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YaAAAACA${'gICA'.repeat(53)}`

/** An empty scene. */
const smallGlb =
  'data:model/gltf-binary;base64,Z2xURgIAAABAAAAALAAAAEpTT057ImFzc2V0Ijp7InZlcnNpb24iOiIyLjAifSwic2NlbmVzIjpbe31dfSAgIA=='

const smallMedia: Readonly<Record<MediaField['kind'], string>> = {
  image: smallPng,
  mask: smallPng,
  video: smallGif,
  audio: smallWav,
  '3d': smallGlb,
}

/**
 * Bodies that the workflow takes, by name: those of the author; `minimal` with what is required; `full` with every
 * parameter whose value can be known. Made from the schema, in which random defaults do not stand.
 */
export function exampleBodies(
  workflow: Pick<ServedWorkflow, 'definition' | 'inputJsonSchema' | 'mediaFields' | 'parse'>,
): Readonly<Record<string, Record<string, unknown>>> {
  const given = (workflow.definition.examples ?? []).map((body, index) => [`example${index + 1}`, body] as const)
  const made = [
    ['minimal', bodyOf(workflow, { isFull: false })],
    ['full', bodyOf(workflow, { isFull: true })],
  ] as const
  return Object.fromEntries(
    [...given, ...made].flatMap(([name, body]) => (isRecord(body) && isTaken(workflow, body) ? [[name, body]] : [])),
  )
}

/** With a file of its kind for each of the media. */
function bodyOf(
  workflow: Pick<ServedWorkflow, 'inputJsonSchema' | 'mediaFields'>,
  { isFull }: { readonly isFull: boolean },
): Record<string, unknown> | undefined {
  const body = exampleBody(workflow, { isFull, media: smallPng })
  if (body === undefined) return undefined
  const kinds = new Map(workflow.mediaFields.map(({ path, kind }) => [path.join('.'), kind]))
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => {
      const kind = value === smallPng ? kinds.get(name) : undefined
      return [name, kind === undefined ? value : smallMedia[kind]]
    }),
  )
}

function isTaken(workflow: Pick<ServedWorkflow, 'parse'>, body: unknown): boolean {
  try {
    workflow.parse(body)
    return true
  } catch {
    return false
  }
}
