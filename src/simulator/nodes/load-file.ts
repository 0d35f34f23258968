import { annotatedName, normalisePath } from '../file-store.ts'
import { NodeFailure, textInput, type NodeRun } from './node-run.ts'

/** The file that an input names. @throws NodeFailure when there is none */
export function loadFile(run: NodeRun, input: string): Buffer {
  const name = textInput(run, input)
  const { root, path } = annotatedName(name)
  const normalised = normalisePath(path)
  const file = normalised === undefined ? undefined : run.files.get(root, normalised)
  if (file === undefined) throw new NodeFailure('FileNotFoundError', `[Errno 2] No such file or directory: '${name}'`)
  return file.bytes
}
