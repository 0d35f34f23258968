import { isRecord } from '../../lib/json-record.ts'
import { exampleBody } from '../../workflows/parameters/example-body.ts'
import type { ServedWorkflow } from '../../workflows/served-workflow.ts'

/** A black PNG of 64×64 in one bit: as short as can be, and large enough for every model to make something of it. */
const smallPng =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQAAAACCEkxzAAAADklEQVR4AWMYBaOAAgAAAkAAAZJBeAIAAAAASUVORK5CYII='

/**
 * Bodies that the workflow takes, by name: those of the author; `minimal` with what is required; `full` with every
 * parameter whose value can be known. Made from the schema, in which random defaults do not stand.
 */
export function exampleBodies(
  workflow: Pick<ServedWorkflow, 'definition' | 'inputJsonSchema' | 'mediaFields' | 'parse'>,
): Readonly<Record<string, Record<string, unknown>>> {
  const given = (workflow.definition.examples ?? []).map((body, index) => [`example${index + 1}`, body] as const)
  const made = [
    ['minimal', exampleBody(workflow, { isFull: false, media: smallPng })],
    ['full', exampleBody(workflow, { isFull: true, media: smallPng })],
  ] as const
  return Object.fromEntries(
    [...given, ...made].flatMap(([name, body]) => (isRecord(body) && isTaken(workflow, body) ? [[name, body]] : [])),
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
