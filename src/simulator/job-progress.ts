import { pythonString } from '../comfyui/wire/python-json.ts'

type NodeState = 'running' | 'finished' | 'error'

export interface JobProgress {
  start(nodeId: string): void
  update(nodeId: string, value: number, max: number): void
  finish(nodeId: string): void
  /** The data of a `progress_state` message. */
  json(): string
}

/** How far each started node of a job is. */
export function createJobProgress(promptId: string): JobProgress {
  const promptJson = pythonString(promptId)
  /** Node → its entry, as JSON. */
  const entries = new Map<string, string>()
  const maxima = new Map<string, number>()

  function set(nodeId: string, value: number, max: number, state: NodeState): void {
    const id = pythonString(nodeId)
    maxima.set(nodeId, max)
    entries.set(
      nodeId,
      `${id}: {"value": ${float(value)}, "max": ${float(max)}, "state": "${state}", "node_id": ${id}, ` +
        `"prompt_id": ${promptJson}, "display_node_id": ${id}, "parent_node_id": null, "real_node_id": ${id}}`,
    )
  }

  return {
    start: (nodeId) => set(nodeId, 0, 1, 'running'),
    update: (nodeId, value, max) => set(nodeId, value, max, 'running'),
    finish(nodeId) {
      const max = maxima.get(nodeId) ?? 1
      set(nodeId, max, max, 'finished')
    },
    json: () => `{"prompt_id": ${promptJson}, "nodes": {${[...entries.values()].join(', ')}}}`,
  }
}

/** Python writes whole floats with a fraction. */
function float(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value)
}
