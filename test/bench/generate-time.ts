import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import { editorFile, type EditorNode, type EditorSubgraph } from '../support/editor-file.ts'

export interface GenerateFigures {
  /** From the start of the process to its end, sorted. */
  readonly seconds: readonly number[]
  readonly nodes: number
  readonly parameters: number
}

const scenes = 25

const generatedSchema = z.object({ module: z.string(), parameters: z.array(z.unknown()) })

/** Has the real command make the module of a workflow with subgraphs. */
export async function measureGenerate(program: string, folder: string, runs: number): Promise<GenerateFigures> {
  const file = path.join(folder, 'scenes.json')
  await writeFile(file, JSON.stringify(scenesWorkflow()))
  const seconds: number[] = []
  let printed = ''
  for (let run = 0; run < runs; run += 1) {
    const beganAt = performance.now()
    const module = path.join(folder, `scenes_${String(run)}.ts`)
    const child = spawn(process.execPath, [program, 'generate-workflow', file, module, '--json', '--no-llm'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
    seconds.push((performance.now() - beganAt) / 1000)
    printed = out
  }
  const { module, parameters } = generatedSchema.parse(JSON.parse(printed))
  return {
    seconds: seconds.toSorted((a, b) => a - b),
    nodes: module.split('class_type').length - 1,
    parameters: parameters.length,
  }
}

/** One checkpoint, and a subgraph of eight nodes for each of the pictures. */
function scenesWorkflow() {
  const subgraphs = Array.from({ length: scenes }, (_, index): EditorSubgraph => ({
    id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
    name: `Scene ${String(index + 1)}`,
    inputs: [
      { name: 'model', type: 'MODEL' },
      { name: 'clip', type: 'CLIP' },
      { name: 'vae', type: 'VAE' },
      { name: 'text', type: 'STRING', label: `Scene ${String(index + 1)}` },
    ],
    nodes: [
      {
        id: 1,
        type: 'CLIPTextEncode',
        inputs: { clip: ['input', 1], text: { from: ['input', 3], type: 'STRING', isWidget: true } },
        outputs: ['CONDITIONING'],
        values: [`a fox in scene ${String(index)}`],
      },
      { id: 2, type: 'CLIPTextEncode', inputs: { clip: ['input', 1] }, outputs: ['CONDITIONING'], values: ['blurry'] },
      { id: 3, type: 'EmptyLatentImage', outputs: ['LATENT'], values: [512, 512, 1] },
      {
        id: 4,
        type: 'KSampler',
        inputs: { model: ['input', 0], positive: [1, 0], negative: [2, 0], latent_image: [3, 0] },
        outputs: ['LATENT'],
        values: [index, 'randomize', 20, 7, 'euler', 'normal', 1],
      },
      { id: 5, type: 'VAEDecode', inputs: { samples: [4, 0], vae: ['input', 2] }, outputs: ['IMAGE'] },
      { id: 6, type: 'ImageScaleBy', inputs: { image: [5, 0] }, outputs: ['IMAGE'], values: ['lanczos', 2] },
      { id: 7, type: 'ImageSharpen', inputs: { image: [6, 0] }, outputs: ['IMAGE'], values: [1, 1, 0.5] },
      { id: 8, type: 'SaveImage', inputs: { images: [7, 0] }, values: [`scene-${String(index)}`] },
    ],
  }))
  const hosts = subgraphs.map(({ id }, index): EditorNode => ({
    id: index + 2,
    type: id,
    inputs: { model: [1, 0], clip: [1, 1], vae: [1, 2], text: { type: 'STRING', isWidget: true } },
    values: [`a fox in scene ${String(index)}`],
  }))
  const loader: EditorNode = {
    id: 1,
    type: 'CheckpointLoaderSimple',
    outputs: ['MODEL', 'CLIP', 'VAE'],
    values: ['sd_xl_base_1.0.safetensors'],
  }
  return editorFile([loader, ...hosts], { subgraphs })
}
