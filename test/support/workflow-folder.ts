import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { WorkflowRegistryOptions } from '../../src/workflows/registry-options.ts'
import { createWorkflowRegistry, type LoadingRegistry } from '../../src/workflows/workflow-registry.ts'
import type { WorkflowRegistry } from '../../src/workflows/served-workflow.ts'
import { nativeImport } from './native-import.ts'

/** A folder of modules outside of this project, gone when it is disposed of. */
export class WorkflowFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'workflows-'))

  constructor(files: Readonly<Record<string, string>> = {}) {
    for (const [file, content] of Object.entries(files)) this.write(file, content)
  }

  write(file: string, content: string): void {
    mkdirSync(dirname(this.at(file)), { recursive: true })
    writeFileSync(this.at(file), content)
  }

  link(file: string, target: string): void {
    mkdirSync(dirname(this.at(file)), { recursive: true })
    symlinkSync(target, this.at(file))
  }

  remove(file: string): void {
    rmSync(this.at(file), { recursive: true })
  }

  at(file: string): string {
    return join(this.path, file)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** A registry that is closed when it is disposed of. */
export async function openRegistry(
  folder: WorkflowFolder | readonly WorkflowFolder[],
  options: Partial<WorkflowRegistryOptions> = {},
): Promise<LoadingRegistry & AsyncDisposable> {
  const folders = [folder].flat().map(({ path }) => path)
  const registry = await createWorkflowRegistry({ folders, watch: 'off', importModule: nativeImport, ...options })
  return Object.assign(registry, { [Symbol.asyncDispose]: () => registry.close() })
}

/** The source of a module whose graph has one node that holds `text` and the parameter `prompt`. */
export function moduleSource(text: string, imports = ''): string {
  return `import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'
${imports}
export default defineWorkflow({
  RequestSchema: z.object({ prompt: z.string().default('') }),
  generateWorkflow: (input) => ({ '1': { class_type: 'Text', inputs: { text: ${text}, prompt: input.prompt } } }),
})
`
}

/** What the module of `moduleSource` says now. */
export async function textOf(registry: WorkflowRegistry, name: string): Promise<unknown> {
  const workflow = registry.get(name)
  const prompt = await workflow?.build(workflow.parse({}), { uploads: new Set(), filenamePrefix: 'test' })
  return prompt?.['1']?.inputs['text']
}

/** Resolves as soon as `isTrue` holds; looks whenever the registry changes. */
export async function untilChanged(registry: WorkflowRegistry, isTrue: () => boolean): Promise<void> {
  if (isTrue()) return
  await new Promise<void>((resolve) => {
    registry.onChange(() => {
      if (isTrue()) resolve()
    })
  })
}
