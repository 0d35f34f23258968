/*
 * What `import … from 'comfyui-api'` means in a workflow module. Importing this file does nothing else.
 */
export { defineWorkflow } from './workflows/define-workflow.ts'
export { audio, image, mask, video } from './workflows/parameters/media.ts'
export type {
  DeclaredMetadata,
  RequiredModel,
  RequiredNode,
  WorkflowDefinition,
  WorkflowGraph,
  WorkflowMetadata,
  WorkflowNode,
} from './workflows/workflow-definition.ts'
