import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { coreCatalogue, readNodeCatalogue, type NodeCatalogue } from '../../src/comfyui/wire/node-catalogue.ts'
import type { Prompt } from '../../src/comfyui/wire/prompt.ts'
import { validatePrompt } from '../../src/comfyui/wire/verdict/validate-prompt.ts'

export interface PredictionFigures {
  readonly nodes: number
  /** CPU time of one verdict when the code is warm. */
  readonly verdictMicroseconds: number
  /** What a catalogue of all core classes keeps. */
  readonly catalogueKiB: number
  readonly catalogueClasses: number
  /** CPU time from the text of `/object_info` to the catalogue. */
  readonly readMilliseconds: number
}

/** How long a verdict takes, and what a catalogue of one ComfyUI keeps in memory. */
export function measurePrediction(verdicts: number): PredictionFigures {
  const core = coreCatalogue()
  const text = JSON.stringify(Object.fromEntries(core.classTypes.map((name) => [name, core.lookUp(name)])))
  const read = (): NodeCatalogue => readNodeCatalogue(JSON.parse(text), { source: 'the core nodes' })
  const collect = garbageCollector()
  const catalogue = read()
  collect()
  const heapBefore = process.memoryUsage().heapUsed
  const readFrom = process.cpuUsage()
  const kept = Array.from({ length: catalogues }, read)
  const readMilliseconds = cpuMicroseconds(readFrom) / 1000 / kept.length
  collect()
  const catalogueKiB = (process.memoryUsage().heapUsed - heapBefore) / 1024 / kept.length

  const prompt = graphOf(30)
  const judge = (): void => {
    const verdict = validatePrompt(prompt, undefined, { nodes: catalogue.lookUp, rules: catalogue.rules, fileExists })
    if (verdict.kind !== 'accepted' || Object.keys(verdict.nodeErrors).length > 0) throw new Error('the graph is good')
  }
  for (let count = 0; count < verdicts; count++) judge()
  const judgeFrom = process.cpuUsage()
  for (let count = 0; count < verdicts; count++) judge()
  return {
    nodes: Object.keys(prompt).length,
    verdictMicroseconds: cpuMicroseconds(judgeFrom) / verdicts,
    catalogueKiB,
    catalogueClasses: catalogue.classTypes.length,
    readMilliseconds,
  }
}

const catalogues = 10
const fileExists = (): boolean => true

function cpuMicroseconds(from: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(from)
  return user + system
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  return () => {
    if (typeof collect === 'function') Reflect.apply(collect, undefined, [])
  }
}

/** A chain of pictures with numbers, choices, links of every kind, and inputs that depend on values. */
function graphOf(nodes: number): Prompt {
  const prompt: Prompt = {
    0: { class_type: 'EmptyImage', inputs: { width: 512, height: 512, batch_size: 1, color: 0 } },
    1: { class_type: 'PrimitiveInt', inputs: { value: 640 } },
  }
  for (let id = 2; id < nodes - 1; id++) prompt[id] = nodeAfter(id === 2 ? '0' : String(id - 1), id)
  prompt[nodes - 1] = {
    class_type: 'SaveImage',
    inputs: { images: [String(nodes - 2), 0], filename_prefix: 'bench' },
  }
  return prompt
}

function nodeAfter(source: string, id: number): Prompt[string] {
  switch (id % 5) {
    case 0: {
      const scale = { upscale_method: 'area', width: ['1', 0], height: 512, crop: 'disabled' }
      return { class_type: 'ImageScale', inputs: { image: [source, 0], ...scale } }
    }
    case 1:
      return {
        class_type: 'ImageBlend',
        inputs: { image1: [source, 0], image2: ['0', 0], blend_factor: 0.5, blend_mode: 'normal' },
      }
    case 2:
      return {
        class_type: 'ResizeImageMaskNode',
        inputs: {
          input: [source, 0],
          scale_method: 'area',
          resize_type: 'scale by multiplier',
          'resize_type.multiplier': 1,
        },
      }
    case 3:
      return { class_type: 'BatchImagesNode', inputs: { 'images.image0': [source, 0], 'images.image1': ['0', 0] } }
    default:
      return { class_type: 'ImageInvert', inputs: { image: [source, 0] } }
  }
}
