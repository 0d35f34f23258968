import type { JobPayload } from '../job.ts'

/**
 * A payload as JSON. The schema of a workflow may make parameters that JSON does not have, such as a bigint. They are left
 * out then: the prompt is built, and they only help to tell which of them is behind an input that ComfyUI refuses.
 */
export function writePayload(payload: JobPayload): string {
  try {
    return JSON.stringify(payload)
  } catch {
    return JSON.stringify({ ...payload, input: null })
  }
}
