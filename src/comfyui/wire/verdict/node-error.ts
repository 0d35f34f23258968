/** One mistake of a node, as the server tells it in `node_errors`. */
export interface NodeError {
  type: string
  message: string
  details: string
  extra_info: Record<string, unknown>
}

/** What is known about a node: whether it can run, and its own errors. */
export interface NodeVerdict {
  readonly valid: boolean
  readonly errors: NodeError[]
}
