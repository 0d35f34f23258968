import type { Widget } from './widget.ts'

/** Classes to which the editor adds a 3D view. */
const classesWith3dView: ReadonlySet<string> = new Set(['SaveGLB', 'Preview3D'])

/** Widgets that the editor adds behind those of the definition, and that the prompt has. */
export function addedWidgets(classType: string): Widget[] {
  if (!classesWith3dView.has(classType)) return []
  const input = { name: 'image', spec: ['PREVIEW_3D', {}], isRequired: false }
  return [{ kind: 'widget', name: 'image', input, value: '', isSent: true, hasSocket: true }]
}
