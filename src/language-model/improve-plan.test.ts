import { describe, expect, onTestFinished, test } from 'vitest'
import { startChatCompletions, type CompletionAnswer } from '../../test/support/chat-completions-server.ts'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { chooseParameters } from '../converter/parameters/choose-parameters.ts'
import { improvePlan, type ImprovedPlan, type ImprovePlanOptions } from './improve-plan.ts'
import type { Proposal } from './proposal.ts'

const prompt: Prompt = {
  '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 0 } },
  '2': { class_type: 'ImageScaleBy', inputs: { image: ['1', 0], upscale_method: 'area', scale_by: 2 } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
  '4': { class_type: 'RemoteUpload', inputs: { images: ['2', 0], api_key: 'of-somebody', strength: 2 } },
  '5': { class_type: 'PreviewAny', inputs: { source: ['4', 0] } },
}

const proposal = (more: Partial<Proposal> = {}): Proposal => ({
  summary: 'Enlarge',
  description: '',
  parameters: [],
  expose: [],
  hide: [],
  ...more,
})
const renamed = (name: string, newName: string) => ({ name, new_name: newName, description: '' })

interface Asked {
  readonly improved: ImprovedPlan
  readonly steps: readonly string[]
  /** What was said to the model at last. */
  readonly told: string
  /** Summaries that were verified. */
  readonly verified: readonly string[]
}

async function improve(
  answers: readonly CompletionAnswer[],
  {
    service = {},
    ...more
  }: Partial<Omit<ImprovePlanOptions, 'service'>> & { service?: { requestTimeoutMs?: number } } = {},
): Promise<Asked> {
  const server = await startChatCompletions(...answers)
  onTestFinished(() => server.close())
  const steps: string[] = []
  const verified: string[] = []
  const hints = more.hints ?? {}
  const improved = await improvePlan({
    service: { baseUrl: server.url, apiKey: 'key', model: 'maker/small', wait: async () => undefined, ...service },
    instructions: 'Form: {{answer}}\nWorkflow: {{workflow}}',
    prompt,
    hints,
    asked: {},
    choose: (choice) => chooseParameters(prompt, { ...choice, hints, lookUp: coreNode }),
    onProgress: (step) => steps.push(step),
    ...more,
    verify: async (plan) => {
      verified.push(plan.summary)
      return more.verify === undefined ? [] : more.verify(plan)
    },
  })
  return { improved, steps, told: server.seen.at(-1)?.body.messages.at(-1)?.content ?? '', verified }
}

function namesOf({ improved }: Asked): readonly string[] {
  return improved.plan.parameters.map(({ name }) => name)
}

describe('a plan that a model improves', () => {
  test('is the one that was verified', async () => {
    const asked = await improve([{ says: proposal({ parameters: [renamed('scale_by', 'factor')] }) }])
    expect(asked.improved.whyUnchanged).toBeUndefined()
    expect(namesOf(asked)).toContain('factor')
    expect(asked.steps).toEqual(['asking maker/small…'])
    expect(asked.verified).toEqual(['Enlarge'])
  })

  test('is told what its module does wrong', async () => {
    const problems = [['with its defaults: node 2 is missing'], []]
    const asked = await improve([{ says: proposal() }], { verify: async () => problems.shift() ?? [] })
    expect(asked.improved.whyUnchanged).toBeUndefined()
    expect(asked.told).toContain('- with its defaults: node 2 is missing')
    expect(asked.steps).toEqual(['asking maker/small…', 'repairing 1 of 2…'])
  })

  test('is the one of the rules where its module stays wrong', async () => {
    const asked = await improve([{ says: proposal() }], { verify: async () => ['it does not load'] })
    expect(asked.improved.plan).toEqual(chooseParameters(prompt, { lookUp: coreNode }))
    expect(asked.improved.whyUnchanged).toBe('What maker/small proposed cannot be used: it does not load')
    expect(asked.verified).toHaveLength(3)
    expect(asked.improved.usage.requests).toBe(3)
  })

  test('is the one of the rules where the model does not answer in time', async () => {
    const asked = await improve(['never'], { service: { requestTimeoutMs: 30 } })
    expect(asked.improved.plan).toEqual(chooseParameters(prompt, { lookUp: coreNode }))
    expect(asked.improved.whyUnchanged).toMatch(/did not answer within/)
    expect(asked.verified).toEqual([])
  })

  test('is the one of the rules where the service breaks off after a repair was asked for', async () => {
    const asked = await improve([{ says: 'no JSON' }, 'hang up'])
    expect(asked.improved.whyUnchanged).toMatch(/cannot be reached/)
    expect(asked.improved.usage).toMatchObject({ requests: 2, promptTokens: 1200 })
  })

  test('is waited for, and that is told', async () => {
    const asked = await improve([{ status: 429, headers: { 'retry-after': '9' } }, { says: proposal() }])
    expect(asked.steps).toEqual(['asking maker/small…', 'waiting 9 s before asking again…'])
    expect(asked.improved.whyUnchanged).toBeUndefined()
  })

  test('keeps what app mode shows', async () => {
    const hints = { appInputs: [{ name: 'scale_by', targets: [{ node: '2', input: 'scale_by' }] }] }
    const asked = await improve([{ says: proposal({ hide: ['scale_by'] }) }, { says: proposal() }], { hints })
    expect(asked.told).toContain('hide: scale_by must stay a parameter.')
    expect(namesOf(asked)).toContain('scale_by')
  })

  test('has no parameter of the name of another that somebody hides', async () => {
    const choice = { expose: ['2.upscale_method=scale_by'], hide: ['scale_by_2'] }
    const rules = chooseParameters(prompt, { lookUp: coreNode, expose: choice.expose }).parameters
    expect(rules.find(({ name }) => name === 'scale_by_2')?.targets[0]?.input).toBe('scale_by')
    const asked = await improve(
      [{ says: proposal({ expose: [{ input: '2.scale_by', name: 'a', description: '' }] }) }],
      {
        asked: choice,
      },
    )
    expect(asked.improved.whyUnchanged).toContain('"2.scale_by" is no input that can be exposed')
    expect(namesOf(asked)).toEqual(rules.map(({ name }) => name).filter((name) => name !== 'scale_by_2'))
  })

  test('is not told keys, and cannot make them parameters', async () => {
    const expose = [{ input: '4.api_key', name: 'token', description: '' }]
    const asked = await improve([{ says: proposal({ expose }) }])
    expect(asked.improved.whyUnchanged).toContain('"4.api_key" is no input that can be exposed')
    const told = await improve([{ says: proposal() }], { asked: { all: true } })
    expect(told.told).toContain('4.strength')
    expect(told.told).not.toContain('of-somebody')
  })
})
