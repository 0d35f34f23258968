/** The folder of ComfyUI's input folder that uploads go to. */
export const inputFolder = 'comfyui-api'

/** Where ComfyUI looks for 3D models: older versions take no other. */
const modelFolder = `3d/${inputFolder}`

const modelExtensions: ReadonlySet<string> = new Set([
  'glb',
  'gltf',
  'obj',
  'stl',
  'fbx',
  'ply',
  'spz',
  'splat',
  'ksplat',
  'usdz',
])

const filenamePattern = /^[0-9a-f]{64}\.([a-z0-9]{1,8})$/

/** The name under which a file `<sha256>.<extension>` goes to ComfyUI. */
export function inputNameOf(filename: string): string {
  const [, extension = ''] = filenamePattern.exec(filename) ?? []
  return `${modelExtensions.has(extension) ? modelFolder : inputFolder}/${filename}`
}

/** The file behind such a name; `undefined` when it is none. */
export function filenameOf(inputName: string): string | undefined {
  const filename = inputName.slice(inputName.lastIndexOf('/') + 1)
  return filenamePattern.test(filename) && inputNameOf(filename) === inputName ? filename : undefined
}
