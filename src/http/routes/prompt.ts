import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { rawPromptName } from '../../workflows/graph/raw-prompt.ts'
import type { JobCalls } from '../answers/job-calls.ts'
import { preparePrompt, type PreparePromptTools } from '../body/prepare-prompt.ts'

export interface PromptRouteOptions extends PreparePromptTools {
  readonly calls: JobCalls
  /** Off: it answers how to switch it on. */
  readonly isOn: boolean
}

/** Graphs of callers are not run here; says how they would be. */
export function rawPromptsOff(): GatewayError {
  return new GatewayError('raw_prompts_off', {
    detail:
      'Graphs of callers can run any node that ComfyUI has, so they are taken only where nobody but this machine ' +
      'reaches the server. To take them here, start the server with --raw-prompts on or COMFYUI_API_RAW_PROMPTS=on.',
  })
}

/** `POST /prompt`: a graph of the caller. Its entry in the OpenAPI document is `promptFragment`. */
export function promptRoute(app: FastifyInstance, { calls, isOn, storage, nodes }: PromptRouteOptions): void {
  app.post(
    '/prompt',
    // Asked before the body is read.
    {
      schema: { hide: true },
      config: { startsJobs: true },
      onRequest: (_request, _reply, done) => (isOn ? done() : done(rawPromptsOff())),
    },
    (request, reply) => {
      calls.answer(request, reply, {
        name: rawPromptName,
        prepare: (body, fetching) => preparePrompt(body, request.headers, { storage, nodes, fetching }),
      })
    },
  )
}
