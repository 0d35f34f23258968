/*
 * What `import … from 'comfyui-api'` means in a workflow module. Importing this file does nothing else.
 */
export { defineWorkflow } from './workflows/define-workflow.ts'
export { image, mask } from './workflows/parameters/media.ts'
export type {
  DeclaredMetadata,
  RequiredModel,
  RequiredNode,
  WorkflowDefinition,
  WorkflowGraph,
  WorkflowMetadata,
  WorkflowNode,
} from './workflows/workflow-definition.ts'
