import { randomInt } from 'node:crypto'
import { isRecord } from '../../lib/json-record.ts'
import { encodePng } from '../drawing/encode-png.ts'
import type { Picture } from '../drawing/picture.ts'
import type { FileRoot } from '../file-store.ts'
import { pythonJson, pythonText } from '../../comfyui/wire/python-json.ts'
import {
  describeValue,
  linkedInput,
  textInput,
  type NodeImplementation,
  type NodeResult,
  type NodeRun,
} from './node-run.ts'
import { isNodeValue } from './node-values.ts'
import { nextSavePath } from './save-path.ts'

export const outputNodes: Readonly<Record<string, NodeImplementation>> = {
  async SaveImage(run) {
    const image = linkedInput(run, 'images', 'image')
    const ui = await save(run, image.pictures, 'output', textInput(run, 'filename_prefix'))
    return { outputs: [image], ui }
  },
  async PreviewImage(run) {
    const image = linkedInput(run, 'images', 'image')
    const ui = await save(run, image.pictures, 'temp', `ComfyUI_temp_${randomLetters()}`)
    return { outputs: [image], ui }
  },
  async SaveImageWebsocket(run): Promise<NodeResult> {
    const { pictures } = linkedInput(run, 'images', 'image')
    for (const [index, picture] of pictures.entries()) {
      await run.progress(index, pictures.length, { type: 'image/png', bytes: await encodePng(picture) })
    }
    return { outputs: [] }
  },
  PreviewAny(run) {
    const value = run.inputs['source']
    const text = isNodeValue(value) ? describeValue(value) : value === null ? 'None' : previewText(value)
    return { outputs: [text], ui: { text: [text] } }
  },
}

function previewText(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value, undefined, 4) : pythonText(value)
}

/** Saves as PNG files with the graph in them, and tells what an `images` output holds. */
async function save(
  run: NodeRun,
  pictures: readonly Picture[],
  root: FileRoot,
  prefix: string,
): Promise<Record<string, unknown>> {
  const [first] = pictures
  const next = nextSavePath(run.files, root, prefix, first?.width ?? 0, first?.height ?? 0)
  const texts = graphTexts(run)
  const images: unknown[] = []
  for (const [index, picture] of pictures.entries()) {
    const filename = next.fileName(index)
    const bytes = await encodePng(picture, texts)
    run.files.put(root, next.subfolder === '' ? filename : `${next.subfolder}/${filename}`, bytes)
    images.push({ filename, subfolder: next.subfolder, type: root })
  }
  return { images }
}

function graphTexts({ prompt, extraPngInfo }: NodeRun): [string, string][] {
  const texts: [string, string][] = [['prompt', pythonJson(prompt)]]
  if (isRecord(extraPngInfo)) {
    for (const [key, value] of Object.entries(extraPngInfo)) texts.push([key, pythonJson(value)])
  }
  return texts
}

function randomLetters(): string {
  return Array.from({ length: 5 }, () => String.fromCodePoint(97 + randomInt(26))).join('')
}
