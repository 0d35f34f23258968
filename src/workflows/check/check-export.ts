import type { NodeCatalogue } from '../../comfyui/wire/node-catalogue.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { convertWorkflow } from '../../converter/convert-workflow.ts'
import { ConversionRefusedError, type WarningCode } from '../../converter/conversion.ts'
import type { CheckProblem } from './check-problem.ts'
import { checkPrompt, type PromptCheck } from './prompt/check-prompt.ts'

export interface ExportCheck {
  /** Undefined where the export cannot be converted. */
  readonly prompt: Prompt | undefined
  readonly verdict: PromptCheck['verdict'] | 'broken'
  readonly problems: readonly CheckProblem[]
}

/** What the check of the prompt says anyway. */
const saidOfPrompt: ReadonlySet<WarningCode> = new Set([
  'unknown_class',
  'missing_input',
  'value_type',
  'value_not_in_list',
])

/** Converts an export as the editor would queue it, and checks what comes of it. */
export function checkExport(exported: unknown, { catalogue }: { readonly catalogue: NodeCatalogue }): ExportCheck {
  try {
    const { prompt, warnings } = convertWorkflow(exported, catalogue)
    const { verdict, problems } = checkPrompt(prompt, { catalogue })
    const doubts = warnings
      .filter(({ code }) => !saidOfPrompt.has(code))
      .map(({ message, ...place }) => ({
        ...place,
        severity: 'warning' as const,
        kind: 'flawed' as const,
        code: 'doubtful_conversion',
        message,
      }))
    return { prompt, verdict, problems: [...problems, ...doubts] }
  } catch (error) {
    if (!(error instanceof ConversionRefusedError)) throw error
    const problems = error.reasons.map(({ node, title: _title, classType, message, fix }): CheckProblem => ({
      severity: 'error',
      kind: 'broken_module',
      code: 'not_convertible',
      message,
      ...(node !== undefined && { node }),
      ...(classType !== undefined && { classType }),
      ...(fix !== undefined && { fix }),
    }))
    return { prompt: undefined, verdict: 'broken', problems }
  }
}
