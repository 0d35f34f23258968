import type { NodeCatalogue } from '../../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../../comfyui/wire/node-packs.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { completePrompt, GraphError } from '../graph/complete-prompt.ts'
import { exampleBody } from '../parameters/example-body.ts'
import type { ServedWorkflow, WorkflowProblem } from '../served-workflow.ts'
import type { CheckProblem } from './check-problem.ts'
import { checkPrompt, type PromptCheck } from './check-prompt.ts'

export interface CheckWorkflowOptions {
  readonly catalogue: NodeCatalogue
  /** Whether a file that a node loads is there, by its name as loader nodes take it. Default: every file is. */
  readonly fileExists?: (name: string) => boolean
  /** The pack of custom nodes that has a class, where the module does not say so itself. */
  readonly packOf?: NodePackLookup
}

/** What can be told about one workflow. */
export interface WorkflowCheck {
  /** The route, without the leading slash. */
  readonly name: string
  /** Path of the module relative to its workflow folder. */
  readonly file: string
  /** How many graphs were checked. */
  readonly graphs: number
  /** What ComfyUI itself would say to the graph of the defaults; `broken` where there is none. */
  readonly verdict: PromptCheck['verdict'] | 'broken'
  readonly problems: readonly CheckProblem[]
}

/** Stands for media of a caller: the name of a file as uploads get it. */
const upload = 'comfyui-api/media-of-the-caller.png'

/** Says what is wrong with a workflow, on a server with these node classes. Never rejects. */
export async function checkWorkflow(workflow: ServedWorkflow, options: CheckWorkflowOptions): Promise<WorkflowCheck> {
  const { name, file } = workflow
  const { catalogue, fileExists = () => true } = options
  try {
    const input = workflow.parse(exampleBody(workflow, { isFull: false, media: upload }))
    const prompt = completePrompt(await workflow.generate(input), 'comfyui-api/check')
    const { verdict, problems } = checkPrompt(prompt, {
      catalogue,
      fileExists: (each) => each === upload || fileExists(each),
    })
    return { name, file, graphs: 1, verdict, problems }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const code = error instanceof GatewayError ? error.code : error instanceof GraphError ? error.flaw.code : 'failed'
    return { name, file, graphs: 0, verdict: 'broken', problems: [broken(code, message)] }
  }
}

/** The check of a module that cannot be served: what the registry says of it. */
export function brokenWorkflow({ name, file, line, reason }: WorkflowProblem): WorkflowCheck {
  const problem = { ...broken('broken_module', reason), ...(line !== undefined && { line }) }
  return { name: name ?? file, file, graphs: 0, verdict: 'broken', problems: [problem] }
}

function broken(code: string, message: string): CheckProblem {
  return { severity: 'error', kind: 'broken_module', code, message }
}
