import { z } from 'zod'

export const submitBodySchema = z.looseObject({
  prompt: z.record(
    z.string(),
    z.looseObject({
      class_type: z.string(),
      inputs: z.record(z.string(), z.unknown()),
      _meta: z.looseObject({ title: z.string() }),
    }),
  ),
  prompt_id: z.string(),
  client_id: z.string(),
})
type SubmitBody = z.infer<typeof submitBodySchema>

/** Node id → what it shows, as history has it. */
export type NodeOutputs = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/** What a node raised. */
export interface ScriptedFailure {
  readonly node_id?: string
  readonly node_type?: string
  readonly exception_type?: string
  readonly exception_message?: string
}

interface Publisher {
  say(type: string, data: unknown, clientId?: string): void
}

const boom: Required<ScriptedFailure> = {
  node_id: '1',
  node_type: 'EmptyImage',
  exception_type: 'ValueError',
  exception_message: 'boom\n',
}

/** A prompt that a scripted server took. Its steps are those of a worker, one by one, so that a test may leave some out. */
export class ScriptedPrompt {
  readonly id: string
  readonly request: SubmitBody
  /** `gone`: neither queued nor running; known only if there is a record. */
  place: 'pending' | 'running' | 'gone' = 'pending'
  /** Its entry in the history. */
  record: Readonly<Record<string, unknown>> | undefined
  isAnswered = false
  readonly #server: Publisher
  readonly #messages: [string, unknown][] = []

  constructor(server: Publisher, id: string, request: SubmitBody) {
    this.#server = server
    this.id = id
    this.request = request
  }

  /** A message about this prompt, to its owner. */
  say(type: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.#server.say(type, { prompt_id: this.id, ...data }, this.request.client_id)
  }

  /** The worker takes it up. */
  begin(): void {
    this.place = 'running'
    this.#tell('execution_start')
    this.#tell('execution_cached', { nodes: [] })
  }

  executing(node: string): void {
    this.say('executing', { node, display_node: node })
  }

  progress(node: string, value: number, max: number): void {
    const state = { value, max, state: 'running', node_id: node, prompt_id: this.id, display_node_id: node }
    this.say('progress_state', { nodes: { [node]: state } })
  }

  executed(node: string, output: unknown): void {
    this.say('executed', { node, display_node: node, output })
  }

  /** Tells the success, which is not in the history yet. */
  succeed(): void {
    this.#tell('execution_success')
  }

  raise(failure: ScriptedFailure = {}): void {
    this.#tell('execution_error', {
      ...boom,
      executed: [],
      traceback: ['  File "/opt/comfyui/execution.py"'],
      ...failure,
    })
  }

  /** Leaves the queue and enters the history, silently. */
  remember(outputs: NodeOutputs = {}): void {
    const isBad = this.#messages.some(([type]) => type === 'execution_error' || type === 'execution_interrupted')
    this.place = 'gone'
    this.record = {
      prompt: [0, this.id, this.request.prompt, { client_id: this.request.client_id }, ['9']],
      outputs,
      status: { status_str: isBad ? 'error' : 'success', completed: !isBad, messages: this.#messages },
    }
  }

  /** The worker is done with it. */
  letGo(): void {
    this.say('executing', { node: null })
  }

  /** From here to the end, with these outputs. */
  finish(outputs: NodeOutputs): void {
    for (const [node, output] of Object.entries(outputs)) this.executed(node, output)
    this.succeed()
    this.remember(outputs)
    this.letGo()
  }

  run(outputs: NodeOutputs): void {
    this.begin()
    for (const node of Object.keys(this.request.prompt)) this.executing(node)
    this.finish(outputs)
  }

  fail(failure: ScriptedFailure = {}): void {
    this.raise(failure)
    this.remember()
    this.letGo()
  }

  interrupt(): void {
    this.#tell('execution_interrupted', { node_id: '1', node_type: 'EmptyImage', executed: [] })
    this.remember()
    this.letGo()
  }

  /** Deleted from the queue: only a pending one, and without a trace. */
  remove(): void {
    if (this.place === 'pending') this.place = 'gone'
  }

  /** Its process ended, or the history was cleared. */
  forget(): void {
    this.place = 'gone'
    this.record = undefined
  }

  /** As the jobs API shows it. */
  asJob(): Readonly<Record<string, unknown>> {
    if (!this.record) return { id: this.id, status: this.place === 'running' ? 'in_progress' : 'pending', priority: 0 }
    const error = this.#messages.find(([type]) => type === 'execution_error')
    const isInterrupted = this.#messages.some(([type]) => type === 'execution_interrupted')
    return {
      id: this.id,
      status: isInterrupted ? 'cancelled' : error ? 'failed' : 'completed',
      outputs: this.record['outputs'],
      execution_status: this.record['status'],
      ...(error && { execution_error: error[1] }),
    }
  }

  #tell(type: string, data: Readonly<Record<string, unknown>> = {}): void {
    const timestamp = Date.now()
    this.#messages.push([type, { prompt_id: this.id, timestamp, ...data }])
    this.say(type, { ...data, timestamp })
  }
}
