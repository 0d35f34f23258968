import type { NodeErrors } from '../../../comfyui/wire/verdict/validate-prompt.ts'
import { findFileInputs, whyUnsafeName } from '../../graph/find-file-inputs.ts'
import type { CheckProblem } from '../check-problem.ts'
import type { CheckedGraph } from './checked-graph.ts'
import { shown } from '../words.ts'

/** Names of files and folders that the gateway lets no graph have, unless ComfyUI refuses the same input itself. */
export function unsafeNames(graph: CheckedGraph, errors: NodeErrors): readonly CheckProblem[] {
  return findFileInputs(graph.nodes, graph.lookUp).flatMap(({ id, classType, input, value }): CheckProblem[] => {
    const reason = whyUnsafeName(value)
    const own = Object.hasOwn(errors, id) ? errors[id]?.errors : undefined
    const isTold = own?.some(({ extra_info: extra }) => extra['input_name'] === input)
    if (reason === undefined || isTold === true) return []
    const message = `${shown(value)} names a file, and ${reason}; ComfyUI may take it, and the gateway refuses it.`
    const fix = 'Name a file inside of the folder of inputs.'
    return [
      {
        severity: 'warning',
        kind: 'flawed',
        code: 'unsafe_file_name',
        node: id,
        classType,
        input,
        value,
        message,
        fix,
      },
    ]
  })
}
