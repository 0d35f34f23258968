/*
 * What `import … from 'comfyui-api'` means in a workflow module. Importing this file does nothing else.
 */
export { defineWorkflow } from './workflows/define-workflow.ts'
export { audio, image, mask, model3d, video } from './workflows/parameters/media.ts'
export { model, sampler, scheduler, type ModelFolder } from './workflows/parameters/names.ts'
export { seed, type SeedLimits } from './workflows/parameters/seed.ts'
export type {
  DeclaredMetadata,
  RequiredModel,
  RequiredNode,
  WorkflowDefinition,
  WorkflowGraph,
  WorkflowMetadata,
  WorkflowNode,
} from './workflows/workflow-definition.ts'
