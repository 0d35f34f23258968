import { createHash } from 'node:crypto'
import type { NodeDefinition, NodeLookup } from '../../comfyui/wire/object-info.ts'
import { convertWorkflow } from '../../converter/convert-workflow.ts'
import { ConversionRefusedError, type RefusalReason } from '../../converter/conversion.ts'
import { chooseParameters } from '../../converter/parameters/choose-parameters.ts'
import type { WorkflowDefinition } from '../workflow-definition.ts'
import { planDefinition } from './plan-definition.ts'

/** Why an export is not served. The message is for the one who put it there. */
export class ExportError extends Error {
  override readonly name = 'ExportError'
}

export interface LoadExportOptions {
  /** With the lists and types that ComfyUI's editor sees. */
  readonly lookUp: NodeLookup
  /** Where the definitions are from, for people. */
  readonly source: string
  /** What the workflow is called: its file, without folders. */
  readonly title: string
}

export interface LoadedExport {
  readonly definition: WorkflowDefinition
  readonly warnings: readonly string[]
  /** Equal where the workflow is the same. */
  readonly fingerprint: string
}

/** The definitions that decided about an export: another answer to one of them may be another workflow. */
export type UsedDefinitions = ReadonlyMap<string, NodeDefinition | undefined>

/** Notes what is looked up. */
export function noteLookUps(lookUp: NodeLookup): { readonly lookUp: NodeLookup; readonly used: UsedDefinitions } {
  const used = new Map<string, NodeDefinition | undefined>()
  return {
    used,
    lookUp(classType) {
      const definition = lookUp(classType)
      used.set(classType, definition)
      return definition
    },
  }
}

/**
 * Makes the workflow of an export.
 * @param exported parsed JSON, as `convertWorkflow` takes it
 * @throws ExportError with all that is in the way
 */
export function loadExport(exported: unknown, { lookUp, source, title }: LoadExportOptions): LoadedExport {
  try {
    const { prompt, hints, warnings } = convertWorkflow(exported, { lookUp, source })
    const plan = chooseParameters(prompt, { lookUp, hints: { ...hints, name: title } })
    const told = [...warnings.map(({ message }) => message), ...plan.warnings]
    const identity = JSON.stringify([prompt, { ...plan, titles: [...plan.titles] }, told])
    return {
      definition: planDefinition(plan, prompt),
      warnings: told,
      fingerprint: createHash('sha1').update(identity).digest('base64'),
    }
  } catch (error) {
    throw error instanceof ConversionRefusedError ? new ExportError(describeRefusal(error.reasons)) : error
  }
}

const maxReasons = 50

/** All reasons in one line, and what to do about each kind once. */
function describeRefusal(reasons: readonly RefusalReason[]): string {
  const messages = new Set(reasons.map(({ message }) => message))
  const shown = [...messages].slice(0, maxReasons)
  const more = messages.size > shown.length ? [`… and ${messages.size - shown.length} more.`] : []
  const fixes = new Set(reasons.flatMap(({ fix }) => fix ?? []))
  return [...shown, ...more, ...fixes].join(' ')
}
