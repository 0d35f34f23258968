import type { NodeCatalogue } from '../../comfyui/wire/node-catalogue.ts'
import type { PromptVerdict } from '../../comfyui/wire/verdict/validate-prompt.ts'
import { isRecord } from '../../lib/json-record.ts'
import type { CheckProblem } from './check-problem.ts'

/** The errors with which ComfyUI itself refuses a graph, or outputs of it. */
export function refusals(prompt: unknown, verdict: PromptVerdict, _catalogue: NodeCatalogue): readonly CheckProblem[] {
  if (verdict.kind === 'crash') {
    return [{ severity: 'error', kind: 'refused', code: 'server_error', message: 'ComfyUI answers 500' }]
  }
  const problems = Object.entries(verdict.nodeErrors).flatMap(([node, { errors, class_type: classType }]) =>
    errors.map(({ type, message, details, extra_info: extra }): CheckProblem => {
      const input = typeof extra['input_name'] === 'string' ? extra['input_name'] : undefined
      const inputs = isRecord(prompt) && isRecord(prompt[node]) ? prompt[node]['inputs'] : undefined
      const value = input !== undefined && isRecord(inputs) ? inputs[input] : undefined
      return {
        severity: 'error',
        kind: 'refused',
        code: type,
        node,
        classType,
        ...(input !== undefined && { input }),
        ...(value !== undefined && { value }),
        message: `${message}: ${details}`,
      }
    }),
  )
  if (problems.length > 0 || verdict.kind === 'accepted') return problems
  const { type, message, details } = verdict.error
  return [
    { severity: 'error', kind: 'refused', code: type, message: details === '' ? message : `${message}: ${details}` },
  ]
}
