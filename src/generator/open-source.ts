import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GatewayError } from '../errors/gateway-error.ts'
import { openWorkflows } from '../workflows/open-workflows.ts'
import type { WorkflowRegistryOptions } from '../workflows/registry-options.ts'
import type { OpenSource } from './make-module.ts'

/** Loads modules as the server does, each from a folder that is gone when the workflow is closed. */
export function createSourceOpener(
  file: string,
  options: Pick<WorkflowRegistryOptions, 'importModule' | 'nodes'> = {},
): OpenSource {
  return async (source) => {
    const folder = await mkdtemp(join(tmpdir(), 'comfyui-api-module-'))
    const remove = () => rm(folder, { recursive: true, force: true })
    try {
      const path = join(folder, file)
      await writeFile(path, source)
      const opened = await openWorkflows({ folder, files: [path] }, options)
      const [workflow] = opened.workflows()
      if (workflow !== undefined) return { workflow, close: () => opened.close().finally(remove) }
      const [problem] = opened.problems()
      await opened.close()
      const place = [problem?.line, problem?.column].filter((part) => part !== undefined).join(':')
      const reason = problem?.reason ?? 'it is no workflow'
      throw new GatewayError('workflow_unavailable', { detail: place === '' ? reason : `${place}: ${reason}` })
    } catch (error) {
      await remove()
      throw error
    }
  }
}
