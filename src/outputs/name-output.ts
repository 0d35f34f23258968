const maxWorkflowLetters = 60
const maxNameLetters = 30
const maxIdLetters = 40
const mintedId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * The name under which a person saves an output: `qwen_base_txt2img-image-1a2b3c4d.png`, of the workflow, of the
 * workflow's name for the output where it has one, and of the beginning of the job's id; then the index, but for the first
 * output of a job. ComfyUI itself calls the file after the prefix that was made up for the job, or after nothing at all.
 *
 * Good for every system: no separators, no control characters, no reserved name, less than 255 bytes.
 *
 * @param of.filename ComfyUI's name, of which the extension stays
 */
export function nameOutput(of: {
  readonly workflow: string
  readonly jobId: string
  readonly index: number
  readonly outputName: string | undefined
  readonly filename: string
}): string {
  const { workflow, jobId, index, outputName, filename } = of
  const id = mintedId.test(jobId) ? jobId.slice(0, 8) : jobId
  const parts = [
    plain(workflow.split('/').at(-1) ?? '', maxWorkflowLetters),
    plain(outputName ?? '', maxNameLetters),
    plain(id, maxIdLetters),
    index === 0 ? '' : String(index),
  ]
  const [, extension = ''] = /\.([A-Za-z0-9]{1,10})$/.exec(filename) ?? []
  const stem = parts.filter((part) => part !== '').join('-')
  return extension === '' ? stem : `${stem}.${extension.toLowerCase()}`
}

/** Letters and digits of all scripts; everything else becomes `_`. */
function plain(text: string, maxLetters: number): string {
  const letters = text.normalize('NFC').replace(/[^\p{L}\p{M}\p{N}_-]+/gu, '_')
  return Array.from(letters).slice(0, maxLetters).join('')
}
