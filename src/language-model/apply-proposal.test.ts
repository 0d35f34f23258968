import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { promptArbitrary } from '../../test/support/random-prompt.ts'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { writeModule } from '../converter/module/write-module.ts'
import { chooseParameters } from '../converter/parameters/choose-parameters.ts'
import type { ParameterPlan } from '../converter/parameters/parameter-plan.ts'
import { applyProposal, placesOf, type ProposalBasis } from './apply-proposal.ts'
import type { Proposal } from './proposal.ts'

const prompt: Prompt = {
  '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } },
  '2': { class_type: 'CLIPTextEncode', inputs: { text: 'a fox', clip: ['1', 1] } },
  '3': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
  '8': {
    class_type: 'ImageScale',
    inputs: { image: ['3', 0], upscale_method: 'area', width: 512, height: 512, crop: 'center' },
  },
  '4': { class_type: 'VAEEncode', inputs: { pixels: ['8', 0], vae: ['1', 2] } },
  '5': {
    class_type: 'KSampler',
    inputs: {
      ...{ model: ['1', 0], positive: ['2', 0], negative: ['2', 0], latent_image: ['4', 0] },
      ...{ seed: 5, steps: 20, cfg: 7, sampler_name: 'euler', scheduler: 'normal', denoise: 0.5 },
    },
  },
  '6': { class_type: 'VAEDecode', inputs: { samples: ['5', 0], vae: ['1', 2] } },
  '7': { class_type: 'SaveImage', inputs: { images: ['6', 0], filename_prefix: 'x' } },
}

function basisOf(of: Prompt, more: Partial<ProposalBasis> = {}): ProposalBasis {
  const choose: ProposalBasis['choose'] = (choice) => chooseParameters(of, { lookUp: coreNode, ...choice })
  const plan = choose({})
  const taken = new Set(plan.parameters.flatMap(placesOf))
  const all = chooseParameters(of, { lookUp: coreNode, all: true }).parameters
  const exposable = new Set(all.flatMap(placesOf).filter((place) => !taken.has(place)))
  return { plan, exposable, kept: new Set(), named: new Set(), choose, ...more }
}
const basis = basisOf(prompt)

function proposal(more: Partial<Proposal> = {}): Proposal {
  return { summary: '', description: '', parameters: [], expose: [], hide: [], ...more }
}

function apply(more: Partial<Proposal>, of: ProposalBasis = basis): ParameterPlan {
  const applied = applyProposal(proposal(more), of)
  if (!applied.ok) throw new Error(applied.problems.join('\n'))
  return applied.plan
}

function problemsOf(more: Partial<Proposal>, of: ProposalBasis = basis): readonly string[] {
  const applied = applyProposal(proposal(more), of)
  return applied.ok ? [] : applied.problems
}

function renamed(name: string, newName: string, description = ''): Proposal['parameters'][number] {
  return { name, new_name: newName, description }
}

describe('what a proposal may do', () => {
  test('names and describes parameters and the workflow', () => {
    const plan = apply({
      summary: 'Redraw a picture.',
      description: 'Takes a picture.\n\nGives another.',
      parameters: [renamed('denoise', 'strength', 'How much of the\npicture changes.')],
    })
    expect(plan).toMatchObject({
      summary: 'Redraw a picture',
      description: 'Takes a picture.\n\nGives another.',
    })
    expect(plan.parameters.find(({ name }) => name === 'strength')).toMatchObject({
      description: 'How much of the picture changes',
      targets: [{ node: '5', input: 'denoise' }],
    })
  })

  test('what it leaves out stays as it is', () => {
    expect(apply({})).toEqual(basis.plan)
    const plan = apply({ parameters: [renamed('cfg', 'closeness')] })
    const old = basis.plan.parameters.map((each) => (each.name === 'cfg' ? { ...each, name: 'closeness' } : each))
    expect(plan).toEqual({ ...basis.plan, parameters: old })
  })

  test('exposes and hides inputs, by the same rules as whoever asks for it', () => {
    const expose = [{ input: '8.crop', name: 'cut', description: 'Which part stays' }]
    const plan = apply({ expose, hide: ['scheduler'] })
    const names = plan.parameters.map(({ name }) => name)
    expect(names).toContain('cut')
    expect(names).not.toContain('scheduler')
    expect(names).toHaveLength(basis.plan.parameters.length)
  })

  test('names may change places', () => {
    const plan = apply({ parameters: [renamed('cfg', 'steps'), renamed('steps', 'cfg')] })
    expect(plan.parameters.flatMap((each) => (each.name === 'steps' ? placesOf(each) : []))).toEqual(['5.cfg'])
  })

  test('warnings follow the names', () => {
    const warned = { ...basis.plan, warnings: ['Parameter cfg (5.cfg of KSampler): odd.', 'Another.'] }
    const plan = apply({ parameters: [renamed('cfg', 'closeness')] }, { ...basis, plan: warned, choose: () => warned })
    expect(plan.warnings).toEqual(['Parameter closeness (5.cfg of KSampler): odd.', 'Another.'])
  })
})

describe('what a proposal may not do', () => {
  test.each<[string, Partial<Proposal>, string]>([
    [
      'two names alike',
      { parameters: [renamed('cfg', 'value'), renamed('steps', 'value')] },
      'Two parameters would be called value.',
    ],
    ['the name of another', { parameters: [renamed('cfg', 'steps')] }, 'Two parameters would be called steps.'],
    [
      'an exposed input with a name that is taken',
      { expose: [{ input: '8.crop', name: 'cfg', description: '' }] },
      'Two parameters would be called cfg.',
    ],
    [
      'a parameter that there is not',
      { parameters: [renamed('zoom', 'zoom')] },
      'parameters: there is no parameter "zoom".',
    ],
    [
      'a parameter twice',
      { parameters: [renamed('cfg', 'a'), renamed('cfg', 'b')] },
      'parameters: "cfg" is there twice.',
    ],
    ['camel case', { parameters: [renamed('cfg', 'cfgScale')] }, '"cfgScale" is not snake_case.'],
    ['code as a name', { parameters: [renamed('cfg', 'a: z.any(), b')] }, '"a: z.any(), b" is not snake_case.'],
    ['no name', { parameters: [renamed('cfg', '')] }, '"" is not snake_case.'],
    [
      'a reserved name',
      { parameters: [renamed('cfg', 'webhook')] },
      '"webhook" has another meaning and cannot be the name of a parameter.',
    ],
    [
      'a name of every object',
      { parameters: [renamed('cfg', 'constructor')] },
      '"constructor" has another meaning and cannot be the name of a parameter.',
    ],
    [
      'a name that is too long',
      { parameters: [renamed('cfg', 'a'.repeat(41))] },
      `"${'a'.repeat(41)}" is longer than 40 characters.`,
    ],
    [
      'an input that there is not',
      { expose: [{ input: '9.text', name: 'a', description: '' }] },
      'expose: "9.text" is no input that can be exposed.',
    ],
    [
      'an input that is a parameter',
      { expose: [{ input: '5.cfg', name: 'a', description: '' }] },
      'expose: "5.cfg" is no input that can be exposed.',
    ],
    [
      'a link',
      { expose: [{ input: '5.model', name: 'a', description: '' }] },
      'expose: "5.model" is no input that can be exposed.',
    ],
    ['to hide what there is not', { hide: ['zoom'] }, 'hide: there is no parameter "zoom".'],
    ['to hide what callers must send', { hide: ['image'] }, 'hide: callers must send image.'],
    ['a summary that is too long', { summary: 'a'.repeat(101) }, 'The summary has 101 characters, of at most 100.'],
    ['HTML', { summary: 'Draw <script>' }, 'The summary has HTML in it; plain text is wanted.'],
    [
      'a link in Markdown',
      { description: 'See [this](x).' },
      'The description has Markdown in it; plain text is wanted.',
    ],
    ['a fence', { description: 'a\n```js\nb\n```' }, 'The description has Markdown in it; plain text is wanted.'],
    ['an address', { summary: 'See https://example.com' }, 'The summary has an address in it; plain text is wanted.'],
    [
      'text that runs backwards',
      { parameters: [renamed('cfg', 'cfg', 'a\u202eb')] },
      'The description of "cfg" has control characters or invisible ones in it; plain text is wanted.',
    ],
    [
      'half a character',
      { summary: 'a\ud800b' },
      'The summary has control characters or invisible ones in it; plain text is wanted.',
    ],
    [
      'a bell',
      { description: 'a\u0007b' },
      'The description has control characters or invisible ones in it; plain text is wanted.',
    ],
  ])('%s', (_, more, problem) => {
    expect(problemsOf(more)).toEqual([problem])
  })

  test('what somebody asked for is not changed', () => {
    const asked = basisOf(prompt, { kept: new Set(['5.cfg']), named: new Set(['5.cfg']) })
    expect(problemsOf({ hide: ['cfg'] }, asked)).toEqual(['hide: cfg must stay a parameter.'])
    expect(problemsOf({ parameters: [renamed('cfg', 'closeness')] }, asked)).toEqual([
      'parameters: cfg must keep its name.',
    ])
    expect(problemsOf({ parameters: [renamed('cfg', 'cfg', 'Closeness')] }, asked)).toEqual([])
  })

  test('all that is wrong is told at once', () => {
    const parameters = [renamed('cfg', 'A'), renamed('zoom', 'b')]
    expect(problemsOf({ summary: '<b>', parameters, hide: ['image'] })).toHaveLength(4)
  })
})

const textArbitrary = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc
    .array(
      fc.constantFrom(
        '`',
        "'",
        '"',
        '\\',
        '${',
        '}',
        '*/',
        '/*',
        '//',
        '\n',
        '</script>',
        ')',
        '; process.exit()',
        'a',
      ),
    )
    .map((parts) => parts.join('')),
)
const someOf = (text: fc.Arbitrary<string>) => fc.array(text, { minLength: 2, maxLength: 12 })
const nameArbitrary = fc.oneof(fc.constantFrom('steps', 'constructor', '__proto__', 'a_b', 'class'), textArbitrary)

describe('whatever a model says', () => {
  test('values, types, targets and the text of the graph stay', () => {
    fc.assert(
      fc.property(promptArbitrary, someOf(textArbitrary), someOf(nameArbitrary), (of, texts, names) => {
        const random = basisOf(of)
        const said = proposal({
          summary: texts[0] ?? '',
          description: texts[1] ?? '',
          parameters: random.plan.parameters.map(({ name }, index) =>
            renamed(name, names[index % names.length] ?? '', texts[index % texts.length]),
          ),
        })
        const applied = applyProposal(said, random)
        if (!applied.ok) {
          expect(applied.problems.length).toBeGreaterThan(0)
          return
        }
        const { plan } = applied
        const bare = ({ parameters }: ParameterPlan) => parameters.map(({ name: _, description: __, ...rest }) => rest)
        expect(bare(plan)).toEqual(bare(random.plan))
        expect(new Set(plan.parameters.map(({ name }) => name)).size).toBe(plan.parameters.length)
      }),
      { numRuns: 150 },
    )
  })

  test('quotes, backticks and ends of comments are texts in the module', () => {
    const odd = 'It\'s a `text` of "quotes", ${process.exit(1)} and */ \\'
    const plan = apply({ summary: odd, description: `${odd}\n${odd}`, parameters: [renamed('cfg', 'cfg', odd)] })
    const source = writeModule(plan, prompt)
    expect(source).toContain('\\${process.exit(1)}')
    expect(source.split('\n').filter((line) => /^\s*process/.test(line))).toEqual([])
    expect(plan.parameters.find(({ name }) => name === 'cfg')?.description).toBe(odd)
  })
})
