import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import type { Prompt, PromptNode } from '../../comfyui/wire/prompt.ts'
import { promptArbitrary, reordered } from '../../../test/support/random-prompt.ts'
import { ParameterChoiceError } from './apply-choice.ts'
import { writeModule } from '../module/write-module.ts'
import { chooseParameters, type ParameterChoice } from './choose-parameters.ts'
import type { ExportHints, NodeHint, PromotedInput } from './export-hints.ts'
import type { Parameter, ParameterPlan } from './parameter-plan.ts'

function node(classType: string, inputs: PromptNode['inputs'], title?: string): PromptNode {
  return { class_type: classType, inputs, ...(title !== undefined && { _meta: { title } }) }
}

interface Given extends ParameterChoice {
  readonly hints?: ExportHints
  readonly lookUp?: NodeLookup
}

function plan(prompt: Prompt, given: Given = {}): ParameterPlan {
  return chooseParameters(prompt, { lookUp: coreNode, ...given })
}

function namesOf(prompt: Prompt, given: Given = {}): readonly string[] {
  return plan(prompt, given).parameters.map(({ name }) => name)
}

function parameter(prompt: Prompt, name: string, given: Given = {}): Parameter {
  const found = plan(prompt, given).parameters.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no ${name} in ${namesOf(prompt, given).join(', ')}`)
  return found
}

function placesOf({ targets }: Parameter): readonly string[] {
  return targets.map((target) => `${target.node}.${target.input}`)
}

function nodeHints(entries: Readonly<Record<string, NodeHint>>): ReadonlyMap<string, NodeHint> {
  return new Map(Object.entries(entries))
}

function promoted(name: string, targets: readonly string[], more: Partial<PromotedInput> = {}): PromotedInput {
  const references = targets.map((target) => {
    const [id = '', input = ''] = target.split('.')
    return { node: id, input }
  })
  return { name, targets: references, source: 'subgraph', depth: 0, ...more }
}

const sampler = {
  seed: 5,
  steps: 20,
  cfg: 8,
  sampler_name: 'euler',
  scheduler: 'normal',
  denoise: 1,
  model: ['4', 0],
  positive: ['6', 0],
  negative: ['7', 0],
  latent_image: ['5', 0],
}
const textToImage: Prompt = {
  '3': node('KSampler', sampler),
  '4': node('CheckpointLoaderSimple', { ckpt_name: 'base.safetensors' }),
  '5': node('EmptyLatentImage', { width: 512, height: 768, batch_size: 1 }),
  '6': node('CLIPTextEncode', { text: 'a fox', clip: ['4', 1] }),
  '7': node('CLIPTextEncode', { text: '', clip: ['4', 1] }),
  '8': node('VAEDecode', { samples: ['3', 0], vae: ['4', 2] }),
  '9': node('SaveImage', { filename_prefix: 'x', images: ['8', 0] }),
}
/** A value that stands alone, shown at the end. */
function shown(source: PromptNode, id = '1'): Prompt {
  return { [id]: source, show: node('PreviewAny', { source: [id, 0] }) }
}

describe('what of a prompt becomes a parameter', () => {
  test('the inputs that people set, in the order in which they are read', () => {
    expect(namesOf(textToImage)).toEqual([
      ...['prompt', 'negative_prompt', 'width', 'height', 'batch_size'],
      ...['steps', 'cfg', 'sampler_name', 'scheduler', 'denoise', 'seed', 'checkpoint'],
    ])
  })

  test('nothing that reaches no output', () => {
    const { '9': _, ...unsaved } = textToImage
    expect(namesOf(unsaved)).toEqual([])
  })

  test('prompts are told apart by where their links lead, not by their words', () => {
    const swapped = { ...textToImage, '3': node('KSampler', { ...sampler, positive: ['7', 0], negative: ['6', 0] }) }
    expect(placesOf(parameter(swapped, 'prompt'))).toEqual(['7.text'])
    expect(placesOf(parameter(swapped, 'negative_prompt'))).toEqual(['6.text'])
  })

  test('through nodes that take and give both, by the names of their outputs', () => {
    const apply = { positive: ['6', 0], negative: ['7', 0], control_net: ['20', 0], image: ['21', 0] }
    const prompt: Prompt = {
      ...textToImage,
      '3': node('KSampler', { ...sampler, positive: ['22', 0], negative: ['22', 1] }),
      '20': node('ControlNetLoader', { control_net_name: 'canny.safetensors' }),
      '21': node('LoadImage', { image: 'sketch.png' }),
      '22': node('ControlNetApplyAdvanced', { ...apply, strength: 0.8, start_percent: 0, end_percent: 1 }),
    }
    expect(placesOf(parameter(prompt, 'prompt'))).toEqual(['6.text'])
    expect(placesOf(parameter(prompt, 'negative_prompt'))).toEqual(['7.text'])
    expect(parameter(prompt, 'controlnet_strength').value).toBe(0.8)
    expect(parameter(prompt, 'controlnet').type).toEqual({ kind: 'name' })
  })

  test('conditioning that is set to zero is no negative prompt', () => {
    const { '7': _, ...others } = textToImage
    const prompt: Prompt = {
      ...others,
      '3': node('KSampler', { ...sampler, positive: ['11', 0], negative: ['10', 0] }),
      '10': node('ConditioningZeroOut', { conditioning: ['6', 0] }),
      '11': node('FluxGuidance', { conditioning: ['6', 0], guidance: 3.5 }),
    }
    expect(namesOf(prompt)).not.toContain('negative_prompt')
    expect(parameter(prompt, 'guidance').value).toBe(3.5)
  })

  test('the text behind a linked text is the prompt', () => {
    const prompt: Prompt = {
      ...textToImage,
      '6': node('CLIPTextEncode', { text: ['10', 0], clip: ['4', 1] }),
      '10': node('PrimitiveStringMultiline', { value: 'a fox' }),
    }
    expect(placesOf(parameter(prompt, 'prompt'))).toEqual(['10.value'])
  })

  test('a text that is both sides of a sampler is the prompt', () => {
    const prompt: Prompt = { ...textToImage, '3': node('KSampler', { ...sampler, negative: ['6', 0] }) }
    expect(placesOf(parameter(prompt, 'prompt'))).toEqual(['6.text'])
    expect(namesOf(prompt)).not.toContain('negative_prompt')
  })

  test('what the title says of a prompt decides', () => {
    const titled = { ...textToImage, '6': node('CLIPTextEncode', { text: 'x', clip: ['4', 1] }, 'My Negative') }
    const prompt: Prompt = { ...titled, '3': node('KSampler', { ...sampler, negative: ['6', 0] }) }
    expect(placesOf(parameter(prompt, 'negative_prompt'))).toEqual(['6.text'])
  })

  test('media, of which the caller must send a file', () => {
    const prompt: Prompt = {
      '1': node('LoadImage', { image: 'folder/cat.png [output]' }),
      '2': node('LoadImage', { image: 'mask.png' }),
      '3': node('LoadVideo', { file: 'a.mp4' }),
      '4': node('LoadAudio', { audio: 'a.mp3' }),
      '5': node('MaskToImage', { mask: ['2', 1] }),
      ...Object.fromEntries(
        ['1', '3', '4', '5'].map((id) => [`show${id}`, node('PreviewAny', { source: [id, 0] })] as const),
      ),
    }
    expect(plan(prompt).parameters.map((each) => [each.name, each.type, each.default.kind])).toEqual([
      ['image', { kind: 'media', media: 'image' }, 'none'],
      ['mask', { kind: 'media', media: 'mask' }, 'none'],
      ['video', { kind: 'media', media: 'video' }, 'none'],
      ['audio', { kind: 'media', media: 'audio' }, 'none'],
    ])
  })

  test('model files of any loader, by their ending', () => {
    const prompt = shown(node('SomeUnknownLoader', { thing: 'folder/a.gguf', other: 'text' }))
    expect(plan(prompt).parameters).toMatchObject([{ name: 'thing', type: { kind: 'name' }, value: 'folder/a.gguf' }])
  })

  test('the empty name of a model is one that callers may send, too', () => {
    const prompt = shown(node('CLIPVisionLoader', { clip_name: '' }))
    expect(parameter(prompt, 'clip_vision', { all: true })).toMatchObject({ type: { kind: 'text' }, value: '' })
  })

  test('more than three of a kind are a recipe', () => {
    const ids = ['1', '2', '3', '4']
    const prompt: Prompt = Object.fromEntries(
      ids.flatMap((id) => [
        [id, node('ImageScaleBy', { image: [`${id}0`, 0], upscale_method: 'area', scale_by: Number(id) })],
        [`${id}0`, node('EmptyImage', { width: 64, height: 64, batch_size: 1, color: 0 })],
        [`${id}1`, node('PreviewImage', { images: [id, 0] })],
      ]),
    )
    expect(namesOf(prompt)).not.toContain('scale_by')
    const { '4': _, ...three } = prompt
    expect(namesOf(three).filter((name) => name.startsWith('scale_by'))).toHaveLength(3)
  })
})

describe('seeds', () => {
  const two: Prompt = {
    ...textToImage,
    '10': node('KSampler', { ...sampler, seed: 9, latent_image: ['3', 0] }),
    '11': node('PreviewAny', { source: ['10', 0] }),
  }

  test('all that are another one each time are one', () => {
    const seed = parameter(two, 'seed')
    expect(placesOf(seed)).toEqual(['3.seed', '10.seed'])
    expect(seed.default).toEqual({ kind: 'random', limit: Number.MAX_SAFE_INTEGER })
    expect(namesOf(two)).not.toContain('seed_2')
  })

  test('are within what the input takes', () => {
    const graph: Prompt = {
      '1': node('EmptyImage', { width: 64, height: 64, batch_size: 1, color: 0 }),
      '2': node('BriaExpandImage', { image: ['1', 0], seed: 5 }),
      '3': node('SaveImage', { images: ['2', 0], filename_prefix: 'x' }),
    }
    const seed = parameter(graph, 'seed')
    expect(seed.type).toEqual({ kind: 'integer', min: 1, max: 2147483647 })
    expect(seed.default).toEqual({ kind: 'random', from: 1, limit: 2147483648 })
    const source = writeModule(chooseParameters(graph, { lookUp: coreNode }), graph)
    expect(source).toContain('seed: seed({ min: 1, max: 2147483647 })')
  })

  test('one that its author fixed stays beside one that changes', () => {
    const hints = {
      nodes: nodeHints({ '3': { controls: { seed: 'fixed' } }, '10': { controls: { seed: 'randomize' } } }),
    }
    expect(placesOf(parameter(two, 'seed', { hints }))).toEqual(['10.seed'])
  })

  test('where all are fixed, the value of the workflow is the default', () => {
    const hints = { nodes: nodeHints({ '3': { controls: { seed: 'fixed' } } }) }
    expect(parameter(textToImage, 'seed', { hints })).toMatchObject({ value: 5, default: { kind: 'value' } })
  })

  test('one that JSON cannot say exactly is drawn', () => {
    const huge = { ...textToImage, '3': node('KSampler', { ...sampler, seed: 2 ** 64 }) }
    const hints = { nodes: nodeHints({ '3': { controls: { seed: 'fixed' } } }) }
    expect(parameter(huge, 'seed', { hints }).default.kind).toBe('random')
    expect(parameter(huge, 'seed', { hints }).type).toEqual({ kind: 'integer', min: 0 })
  })

  test('one of a sampler that adds no noise is none', () => {
    const advanced = { noise_seed: 3, start_at_step: 0, end_at_step: 9, return_with_leftover_noise: 'disable' }
    const { seed: _, denoise: __, ...rest } = sampler
    const prompt: Prompt = {
      ...textToImage,
      '3': node('KSamplerAdvanced', { ...rest, ...advanced, add_noise: 'disable' }),
    }
    expect(namesOf(prompt)).not.toContain('seed')
    const noisy: Prompt = {
      ...textToImage,
      '3': node('KSamplerAdvanced', { ...rest, ...advanced, add_noise: 'enable' }),
    }
    expect(namesOf(noisy)).toContain('seed')
  })

  test('a number that only feeds seeds is one, and no other', () => {
    const prompt: Prompt = {
      ...textToImage,
      '3': node('KSampler', { ...sampler, seed: ['10', 0], steps: ['11', 0] }),
      '10': node('PrimitiveInt', { value: 7 }),
      '11': node('PrimitiveInt', { value: 12 }),
    }
    expect(placesOf(parameter(prompt, 'seed'))).toEqual(['10.value'])
    expect(parameter(prompt, 'steps')).toMatchObject({ type: { kind: 'integer', min: 1, max: 10000 }, value: 12 })
  })
})

describe('types', () => {
  test('have the limits of all inputs that one value feeds', () => {
    const prompt: Prompt = {
      '1': node('PrimitiveInt', { value: 64 }, 'Edge'),
      '2': node('EmptyLatentImage', { width: ['1', 0], height: ['1', 0], batch_size: 1 }),
      '3': node('EmptyImage', { width: ['1', 0], height: 8, batch_size: 1, color: 0 }),
      '4': node('PreviewAny', { source: ['2', 0] }),
      '5': node('PreviewImage', { images: ['3', 0] }),
    }
    expect(parameter(prompt, 'edge').type).toMatchObject({ kind: 'integer', min: 16, max: 16384 })
    const hints = { nodes: nodeHints({ '1': { title: 'Edge', range: { min: 32, max: 128 } } }) }
    expect(parameter(prompt, 'edge', { hints }).type).toMatchObject({ kind: 'integer', min: 32, max: 128 })
  })

  test('a limit that the workflow breaks is left out, with a warning', () => {
    const wide = { ...textToImage, '5': node('EmptyLatentImage', { width: 8, height: 99999, batch_size: 1 }) }
    expect(parameter(wide, 'width').type).toEqual({ kind: 'integer', max: 16384, multipleOf: 8 })
    expect(plan(wide).warnings).toEqual([
      'Parameter width (5.width of EmptyLatentImage): its value 8 is smaller than 16.',
      'Parameter height (5.height of EmptyLatentImage): its value 99999 is larger than 16384.',
    ])
  })

  test('choices of a class are choices of callers, but for lists that servers have their own of', () => {
    const prompt: Prompt = {
      '1': node('ResolutionSelector', { aspect_ratio: '1:1 (Square)', megapixels: 1, multiple: 8 }),
    }
    const shownToo: Prompt = { ...prompt, '2': node('PreviewAny', { source: ['1', 0] }) }
    expect(parameter(shownToo, 'aspect_ratio').type).toMatchObject({
      kind: 'choice',
      choices: expect.arrayContaining(['1:1 (Square)', '16:9 (Widescreen)']),
    })
    expect(parameter(textToImage, 'sampler_name').type).toEqual({ kind: 'name' })
  })

  test('a choice that its class does not have stays possible', () => {
    const odd = { ...shown(node('ResolutionSelector', { aspect_ratio: '7:5', megapixels: 1, multiple: 8 })) }
    expect(parameter(odd, 'aspect_ratio')).toMatchObject({ type: { kind: 'name' }, value: '7:5' })
    expect(plan(odd).warnings).toHaveLength(1)
  })

  test('a value of another type than its class says keeps its own', () => {
    const prompt: Prompt = { ...textToImage, '3': node('KSampler', { ...sampler, steps: '20', cfg: true }) }
    expect(parameter(prompt, 'steps').type).toEqual({ kind: 'text' })
    expect(parameter(prompt, 'cfg').type).toEqual({ kind: 'boolean' })
  })

  test('several choices at once are a list, wrapped in the prompt', () => {
    const lookUp: NodeLookup = (classType) =>
      classType === 'Tags'
        ? {
            input: { required: { tags: ['COMBO', { options: ['a', 'b', 'c'], multiselect: true }] } },
            output: ['STRING'],
          }
        : coreNode(classType)
    const prompt = shown(node('Tags', { tags: { __value__: ['a', 'c'] } }))
    expect(parameter(prompt, 'tags', { lookUp, expose: ['1.tags'] })).toMatchObject({
      type: { kind: 'choices', choices: ['a', 'b', 'c'] },
      targets: [{ node: '1', input: 'tags', form: { kind: 'wrapped' } }],
    })
  })

  test('the position of a choice follows it', () => {
    const combo = { choice: 'b', index: 1, option1: 'a', option2: 'b', option3: '' }
    const style = parameter(shown(node('CustomCombo', combo, 'Style')), 'style')
    expect(style.type).toEqual({ kind: 'choice', choices: ['a', 'b'] })
    expect(style.targets).toEqual([
      { node: '1', input: 'choice', form: { kind: 'value' } },
      { node: '1', input: 'index', form: { kind: 'position', choices: ['a', 'b', ''] } },
    ])
  })

  test('inputs of a dynamic choice are offered, the choice itself only where the rest fits', () => {
    const resize = { resize_type: 'scale longer dimension', 'resize_type.longer_size': 640, scale_method: 'area' }
    const prompt: Prompt = {
      '1': node('EmptyImage', { width: 64, height: 64, batch_size: 1, color: 0 }),
      '2': node('ResizeImageMaskNode', { input: ['1', 0], ...resize }),
      '3': node('PreviewImage', { images: ['2', 0] }),
    }
    expect(parameter(prompt, 'longer_size')).toMatchObject({
      targets: [{ node: '2', input: 'resize_type.longer_size' }],
      type: { kind: 'integer' },
    })
    expect(namesOf(prompt)).not.toContain('resize_type')
    const asked = parameter(prompt, 'resize_type', { expose: ['2.resize_type'] })
    expect(asked.type).toEqual({ kind: 'choice', choices: ['scale longer dimension'] })
  })
})

describe('what the author of the workflow says', () => {
  const inner: Prompt = {
    ...textToImage,
    '20:1': node('ImageScaleBy', { image: ['8', 0], upscale_method: 'area', scale_by: 2 }),
    '20:2': node('PreviewImage', { images: ['20:1', 0] }),
  }

  test('app mode comes first, in its order; the rest is offered beside it', () => {
    const appInputs = [
      { name: 'steps', targets: [{ node: '3', input: 'steps' }] },
      { name: 'text', label: 'Your wish', targets: [{ node: '6', input: 'text' }] },
    ]
    const { parameters } = plan(textToImage, { hints: { appInputs } })
    expect(parameters.slice(0, 2).map(({ name, level }) => [name, level])).toEqual([
      ['steps', 'main'],
      ['your_wish', 'main'],
    ])
    expect(parameters.slice(2).every(({ level }) => level === 'advanced')).toBe(true)
  })

  test('app mode may show what is part of a recipe elsewhere, but never where files are saved', () => {
    const appInputs = [
      { name: 'upscale_method', targets: [{ node: '20:1', input: 'upscale_method' }] },
      { name: 'filename_prefix', targets: [{ node: '9', input: 'filename_prefix' }] },
    ]
    const names = namesOf(inner, { hints: { appInputs } })
    expect(names[0]).toBe('upscale_method')
    expect(names).not.toContain('filename_prefix')
  })

  test('a promoted input is one parameter, with the name of its label, for all that it feeds', () => {
    const hints = { promoted: [promoted('value', ['5.width', '5.height'], { label: 'Edge length' })] }
    const square = { ...textToImage, '5': node('EmptyLatentImage', { width: 512, height: 512, batch_size: 1 }) }
    expect(placesOf(parameter(square, 'edge_length', { hints }))).toEqual(['5.width', '5.height'])
    expect(namesOf(square, { hints })).not.toContain('width')
  })

  test('inputs that do not have the same value are not one', () => {
    const hints = { promoted: [promoted('edge', ['5.width', '5.height'])] }
    expect(placesOf(parameter(textToImage, 'width', { hints }))).toEqual(['5.width'])
    expect(placesOf(parameter(textToImage, 'height', { hints }))).toEqual(['5.height'])
  })

  test('promoted settings of any class are asked for, model files stay in the second row', () => {
    const hints = { promoted: [promoted('upscale_method', ['20:1.upscale_method']), promoted('x', ['4.ckpt_name'])] }
    expect(parameter(inner, 'upscale_method', { hints }).level).toBe('main')
    expect(parameter(inner, 'checkpoint', { hints }).level).toBe('advanced')
  })

  test('explicit input nodes name their parameters themselves', () => {
    const deployed = node('ComfyUIDeployExternalText', {
      input_id: 'wish',
      default_value: 'a fox',
      display_name: 'Wish',
    })
    const prompt: Prompt = {
      ...textToImage,
      '6': node('CLIPTextEncode', { text: ['30', 0], clip: ['4', 1] }),
      '30': deployed,
    }
    const [first] = plan(prompt).parameters
    expect(first).toMatchObject({ name: 'wish', value: 'a fox', targets: [{ node: '30', input: 'default_value' }] })
    expect(parameter(prompt, 'steps').level).toBe('advanced')
  })

  test('titles name values that stand alone', () => {
    expect(namesOf(shown(node('PrimitiveFloat', { value: 0.5 }, 'Float (Mix)')))).toEqual(['mix'])
    expect(namesOf(shown(node('PrimitiveBoolean', { value: true })))).toEqual(['flag'])
  })
})

describe('names', () => {
  test('of equal media are told apart by titles, else by what they are used for', () => {
    const frames = (titles: readonly [string?, string?]): Prompt => ({
      '1': node('LoadImage', { image: 'a.png' }, titles[0]),
      '2': node('LoadImage', { image: 'b.png' }, titles[1]),
      '3': node('WanFirstLastFrameToVideo', {
        ...{ positive: ['4', 0], negative: ['4', 0], vae: ['5', 0], width: 64, height: 64, length: 5, batch_size: 1 },
        ...{ start_image: ['1', 0], end_image: ['2', 0] },
      }),
      '4': node('CLIPTextEncode', { text: 'x', clip: ['6', 0] }),
      '5': node('VAELoader', { vae_name: 'v.safetensors' }),
      '6': node('CLIPLoader', { clip_name: 'c.safetensors', type: 'wan', device: 'default' }),
      '7': node('PreviewAny', { source: ['3', 2] }),
    })
    expect(namesOf(frames([])).slice(0, 2)).toEqual(['start_image', 'end_image'])
    expect(namesOf(frames(['Garment', 'Person'])).slice(0, 2)).toEqual(['garment', 'person'])
  })

  test('of several files of one node have its numbers', () => {
    const loader = node('DualCLIPLoader', { clip_name1: 'a.safetensors', clip_name2: 'b.safetensors', type: 'flux' })
    expect(namesOf(shown(loader))).toEqual(['text_encoder_1', 'text_encoder_2'])
  })

  test('that are left are numbered in the order of the graph, the root graph first', () => {
    const prompt: Prompt = {
      '2': node('ImageScaleBy', { image: ['1', 0], upscale_method: 'area', scale_by: 3 }),
      '1:9': node('ImageScaleBy', { image: ['1', 0], upscale_method: 'area', scale_by: 2 }),
      '1': node('LoadImage', { image: 'a.png' }),
      '3': node('PreviewImage', { images: ['2', 0] }),
      '4': node('PreviewImage', { images: ['1:9', 0] }),
    }
    expect(parameter(prompt, 'scale_by').value).toBe(3)
    expect(parameter(prompt, 'scale_by_2').value).toBe(2)
  })

  test('are never what means something else beside parameters', () => {
    expect(namesOf(shown(node('PrimitiveString', { value: 'x' }, 'Webhook')))).toEqual(['webhook_2'])
    const hers = shown(node('SomeUnknownLoader', { constructor: 'a.safetensors' }))
    expect(namesOf(hers)).toEqual(['constructor_2'])
  })

  test('are all different identifiers, whatever the graph', () => {
    fc.assert(
      fc.property(promptArbitrary, fc.boolean(), (prompt, all) => {
        const names = namesOf(prompt, { all })
        expect(new Set(names).size).toBe(names.length)
        for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9_]*$/)
      }),
      { numRuns: 60 },
    )
  })
})

test('the same graph gives the same plan, whatever the order of its keys', () => {
  fc.assert(
    fc.property(promptArbitrary, fc.boolean(), (prompt, all) => {
      expect(plan(reordered(prompt), { all })).toEqual(plan(prompt, { all }))
    }),
    { numRuns: 60 },
  )
})

test('no input belongs to two parameters, and every one holds the value that it had', () => {
  fc.assert(
    fc.property(promptArbitrary, (prompt) => {
      const { parameters } = plan(prompt, { all: true })
      const places = parameters.flatMap(placesOf)
      expect(new Set(places).size).toBe(places.length)
      for (const { targets, value, default: own } of parameters) {
        const held = targets.map((target) => prompt[target.node]?.inputs[target.input])
        const values = held.filter((_, index) => targets[index]?.form.kind !== 'position')
        if (own.kind !== 'random') for (const each of values) expect(each).toEqual(value)
      }
    }),
    { numRuns: 60 },
  )
})

describe('what is asked for', () => {
  test('is a parameter, by the name that was given', () => {
    const given = { expose: ['8.tile=tile', '5.batch_size=how_many'] }
    expect(() => plan(textToImage, given)).toThrow(
      new ParameterChoiceError('Node 8 (VAEDecode) has no input "tile". There are: samples, vae.'),
    )
    expect(placesOf(parameter(textToImage, 'how_many', { expose: ['5.batch_size=how_many'] }))).toEqual([
      '5.batch_size',
    ])
  })

  test('names go to what asked for them', () => {
    const names = namesOf(textToImage, { expose: ['7.text=prompt'] })
    expect(names).toContain('prompt_2')
    expect(placesOf(parameter(textToImage, 'prompt', { expose: ['7.text=prompt'] }))).toEqual(['7.text'])
  })

  test('everything is a parameter with `all`, but for what nobody may set', () => {
    const names = namesOf(shown(node('CLIPLoader', { clip_name: 'a.safetensors', type: 'wan', device: 'default' })), {
      all: true,
    })
    expect(names).toEqual(['text_encoder', 'type', 'device'])
    expect(namesOf(textToImage, { all: true })).not.toContain('filename_prefix')
  })

  test('what is hidden stays as it is, and the names of the others do not change', () => {
    const all = namesOf(textToImage)
    expect(namesOf(textToImage, { hide: ['cfg', '3.steps'] })).toEqual(
      all.filter((name) => !['cfg', 'steps'].includes(name)),
    )
  })

  test('one of several inputs can be hidden', () => {
    const square = {
      ...textToImage,
      '10': node('EmptyImage', { width: 512, height: 1, batch_size: 1, color: 0 }),
      '11': node('PreviewImage', { images: ['10', 0] }),
    }
    expect(placesOf(parameter(square, 'width'))).toEqual(['5.width', '10.width'])
    expect(placesOf(parameter(square, 'width', { hide: ['10.width'] }))).toEqual(['5.width'])
  })

  test.each<[string, ParameterChoice, string]>([
    [
      'an unknown node',
      { expose: ['33.seed'] },
      'There is no node "33" in the prompt. There are: 3, 4, 5, 6, 7, 8, 9.',
    ],
    ['a misspelt input', { expose: ['3.stesp'] }, 'Node 3 (KSampler) has no input "stesp". Did you mean steps?'],
    ['a linked input', { expose: ['3.model'] }, '"3.model": the input is fed by node 4.'],
    [
      'where files are saved',
      { expose: ['9.filename_prefix'] },
      '"9.filename_prefix" can be no parameter: the gateway sets every filename_prefix itself.',
    ],
    ['no input at all', { expose: ['seed'] }, '"seed" is not of the form node.input or node.input=name.'],
    [
      'a name that is none',
      { expose: ['3.seed=My seed'] },
      '"My seed": a name has lower-case letters, digits and _, and begins with a letter.',
    ],
    ['a reserved name', { expose: ['3.seed=id'] }, '"id" has another meaning beside parameters.'],
    ['one name twice', { expose: ['3.seed=x', '3.cfg=x'] }, 'Two parameters are to be "x".'],
    ['an unknown parameter to hide', { hide: ['stesp'] }, 'There is no parameter "stesp". Did you mean steps?'],
    ['an unknown input to hide', { hide: ['3.sede'] }, 'Node 3 (KSampler) has no input "sede". Did you mean seed?'],
  ])('%s is told', (_, given, message) => {
    expect(() => plan(textToImage, given)).toThrow(new ParameterChoiceError(message))
  })
})

describe('what else a module says', () => {
  test('outputs are called by what they make', () => {
    const video: Prompt = {
      ...textToImage,
      '10': node('CreateVideo', { images: ['8', 0], fps: 24 }),
      '11': node('SaveVideo', { video: ['10', 0], filename_prefix: 'v', format: 'auto', codec: 'auto' }),
      '12': node('PreviewAny', { source: ['10', 0] }),
      '13': node('PreviewImage', { images: ['8', 0] }, 'Preview Draft'),
    }
    expect(plan(video).outputs).toEqual([
      { name: 'image', node: '9' },
      { name: 'video', node: '11' },
      { name: 'text', node: '12' },
    ])
    expect(plan(video, { hints: { appOutputs: ['11', '13'] } }).outputs).toEqual([
      { name: 'video', node: '11' },
      { name: 'draft', node: '13' },
      { name: 'image', node: '9' },
      { name: 'text', node: '12' },
    ])
  })

  test('previews are outputs where nothing is saved', () => {
    const { 9: _saved, ...unsaved } = textToImage
    const preview = { ...unsaved, '13': node('PreviewImage', { images: ['8', 0] }) }
    expect(plan(preview).outputs).toEqual([{ name: 'image', node: '13' }])
  })

  test('packs are those that the file names, without the core', () => {
    const prompt: Prompt = { '1': node('MyNode', {}), '2': node('OtherNode', {}), ...textToImage }
    const nodes = nodeHints({
      '1': { pack: { cnrId: 'my-pack', version: '1.2.0' } },
      '2': { pack: { auxId: 'somebody/other-pack', version: 'abc' } },
      '3': { pack: { cnrId: 'comfy-core', version: '0.3.0' } },
    })
    expect(plan(prompt, { hints: { nodes } }).requiredNodes).toEqual([
      { pack: 'my-pack', version: '1.2.0', classTypes: ['MyNode'] },
      { pack: 'other-pack', version: 'abc', url: 'https://github.com/somebody/other-pack', classTypes: ['OtherNode'] },
    ])
  })

  test('models have the folder, address and hash that the file gives, else the folder of their loader', () => {
    const sha256 = 'A'.repeat(64)
    const base = { name: 'base.safetensors', directory: 'checkpoints' }
    const models = [{ ...base, url: 'https://example.com/base', hash: sha256, hashType: 'SHA256' }]
    expect(plan(textToImage, { hints: { models } }).requiredModels).toEqual([
      { ...base, url: 'https://example.com/base', sha256: 'a'.repeat(64) },
    ])
    expect(plan(textToImage).requiredModels).toEqual([base])
    const odd = [{ ...base, url: 'file:///etc/passwd', hash: 'x', hashType: 'SHA256' }]
    expect(plan(textToImage, { hints: { models: odd } }).requiredModels).toEqual([base])
  })

  test('the summary is the name of the file, the description the notes in it', () => {
    const hints = { name: 'flux_dev-checkpoint_example.json', notes: ['  ', 'First.\r\nMore.', 'Second.', 'Second.'] }
    expect(plan(textToImage, { hints })).toMatchObject({
      summary: 'Flux dev checkpoint example',
      description: 'First.\nMore.\n\nSecond.',
    })
    expect(plan(textToImage).summary).toBe('A ComfyUI workflow that makes an image')
    expect(plan(textToImage)).not.toHaveProperty('description')
  })

  test.each<[string, string]>([
    ['a heading under which nothing is left', `Use it well.\n\n## Models\n\n### Folder\n\n${'x'.repeat(2000)}`],
    ['a block of code that does not end', `Use it well.\n\n\`\`\`\nmodels/\n\n${'x'.repeat(2000)}\n\`\`\``],
  ])('a long description does not end in %s', (_name, note) => {
    expect(plan(textToImage, { hints: { notes: [note] } }).description).toBe('Use it well.')
  })

  test('long texts without blanks are cut, too', () => {
    const { summary, description } = plan(textToImage, {
      hints: { name: '字'.repeat(300), notes: ['字'.repeat(9000)] },
    })
    expect(summary).toBe(`${'字'.repeat(100)} …`)
    expect(description).toBe(`${'字'.repeat(1999)} …`)
  })
})
