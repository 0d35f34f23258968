import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import { inputChoices, inputOptions } from '../../../comfyui/wire/object-info.ts'

const known = new WeakMap<NodeCatalogue, ReadonlySet<string>>()

/**
 * Whether a file that a loader names may be there, as far as the lists of a server show it: they show what lies directly
 * in its input folder, so that other names are taken to be there.
 */
export function mayBeListed(catalogue: NodeCatalogue): (name: string) => boolean {
  if (!catalogue.knowsFiles) return () => true
  return (name) => {
    // ComfyUI cuts 8 characters, whatever stands before the brackets.
    const plain = name.endsWith('[input]') ? name.slice(0, -8) : name
    if (plain.includes('/') || plain.includes('\\') || / ?\[(output|temp)\]$/.test(plain)) return true
    if (plain === '' || plain === '.' || partlyListed.test(plain)) return true
    let files = known.get(catalogue)
    if (files === undefined) known.set(catalogue, (files = listedFiles(catalogue)))
    return files.has(plain)
  }
}

/** Of models in three dimensions the lists show one folder only. */
const partlyListed = /\.(glb|gltf|obj|fbx|stl|usdz|ply|splat|spz|ksplat)$/i

const uploadFlags = ['image_upload', 'audio_upload', 'video_upload', 'file_upload']

function listedFiles(catalogue: NodeCatalogue): ReadonlySet<string> {
  const files = new Set<string>()
  for (const classType of catalogue.classTypes) {
    const { required, optional } = catalogue.lookUp(classType)?.input ?? {}
    for (const spec of [...Object.values(required ?? {}), ...Object.values(optional ?? {})]) {
      const options = inputOptions(spec)
      const isOfFiles = uploadFlags.some((flag) => options[flag] === true) || classType === 'LoadLatent'
      if (!isOfFiles) continue
      for (const choice of inputChoices(spec) ?? []) if (typeof choice === 'string') files.add(choice)
    }
  }
  return files
}

/** Whether the name of a file or folder leads out of the folder it is meant for. */
export function leadsOut(name: string): boolean {
  if (name.startsWith('/') || /^[A-Za-z]:[\\/]/.test(name)) return true
  let depth = 0
  for (const step of name.split(/[\\/]/)) {
    if (step === '..') depth -= 1
    else if (step !== '' && step !== '.') depth += 1
    if (depth < 0) return true
  }
  return false
}
