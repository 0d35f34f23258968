import { coreNode } from '../comfyui/wire/core-nodes.ts'
import type { NodeLookup } from '../comfyui/wire/object-info.ts'
import { withUploadLists } from '../instances/file-lists.ts'
import type { InstancePool } from '../instances/instance-pool.ts'
import type { WorkflowRegistryOptions } from '../workflows/registry-options.ts'

/** What is known of node classes: those of ComfyUI itself, and those that instances tell of once there are any. */
export interface NodeLookups {
  readonly nodes: NodeLookup
  /** With the lists of uploads by which the editor knows its inputs. */
  readonly editorNodes: NonNullable<WorkflowRegistryOptions['editorNodes']>
  /** Asks these instances first, from now on. */
  ask(instances: Pick<InstancePool, 'definition'>): void
  /** An instance has told its classes. */
  noteTold(): void
}

const coreSource = 'the core nodes of ComfyUI'
const instancesSource = 'the instances and the core nodes of ComfyUI'

export function createNodeLookups(): NodeLookups {
  let asked: Pick<InstancePool, 'definition'> = { definition: () => undefined }
  let source = coreSource
  return {
    nodes: (classType) => asked.definition(classType) ?? coreNode(classType),
    editorNodes: {
      lookUp(classType) {
        const definition = asked.definition(classType)
        return definition === undefined ? coreNode(classType) : withUploadLists(classType, definition)
      },
      source: () => source,
    },
    ask(instances) {
      asked = instances
    },
    noteTold() {
      source = instancesSource
    },
  }
}
