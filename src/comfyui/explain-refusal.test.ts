import { expect, test } from 'vitest'
import type { FieldError } from '../errors/gateway-error.ts'
import { explainRefusal, fieldErrorsOf, withoutServerPaths } from './explain-refusal.ts'

test.each([
  ['No such file: /opt/ComfyUI/models/vae/x.safetensors', 'No such file: x.safetensors'],
  ["open '/srv/comfyui/input/a.png' failed", "open 'a.png' failed"],
  ['C:\\ComfyUI\\models\\vae\\x.pt is broken', 'x.pt is broken'],
  ['see https://example.org/help/page', 'see https://example.org/help/page'],
  ['shape mismatch 3/4 and 1/2', 'shape mismatch 3/4 and 1/2'],
])('cuts server paths out of %j', (text, expected) => {
  expect(withoutServerPaths(text)).toBe(expected)
})

const badCfg = {
  '3': {
    class_type: 'KSampler',
    errors: [
      {
        type: 'value_bigger_than_max',
        message: 'Value 99 bigger than max of 30',
        details: 'cfg',
        extra_info: { input_name: 'cfg' },
      },
    ],
  },
}

test('lists what validation found, node by node', () => {
  expect(fieldErrorsOf(badCfg)).toEqual([
    {
      code: 'value_bigger_than_max',
      message: 'Value 99 bigger than max of 30',
      node: { id: '3', classType: 'KSampler', input: 'cfg' },
    },
  ])
  expect(fieldErrorsOf(null)).toEqual([])
})

const refusal = { errorType: 'prompt_outputs_failed_validation', message: 'Prompt outputs failed validation' }

test('blames the parameter of the caller that is behind a refusal', async () => {
  const error = await explainRefusal({ ...refusal, nodeErrors: badCfg }, (errors) =>
    Promise.resolve(errors.map((entry) => ({ ...entry, pointer: '/guidance' }))),
  )
  expect(error).toMatchObject({ code: 'invalid_workflow', message: '/guidance: Value 99 bigger than max of 30' })
})

test('calls the workflow unavailable when a model it fixes itself is not there, or a class', async () => {
  const nodeErrors = {
    '1': {
      class_type: 'VAELoader',
      errors: [{ type: 'value_not_in_list', message: 'Value not in list', details: 'vae_name' }],
    },
  }
  const asTheyAre = <T>(errors: T) => Promise.resolve(errors)
  expect((await explainRefusal({ ...refusal, nodeErrors }, asTheyAre)).code).toBe('workflow_unavailable')
  const missing = { errorType: 'missing_node_type', message: "Node 'X' not found", nodeErrors: {} }
  expect((await explainRefusal(missing, asTheyAre)).code).toBe('workflow_unavailable')
})

test('names the node whose class is missing; where the caller chose it, it is theirs to mend', async () => {
  const missing = {
    errorType: 'missing_node_type',
    message: "Node 'X' not found",
    nodeErrors: {},
    missingNodeId: '7',
  }
  const named = { code: 'missing_node_type', message: "Node 'X' not found", node: { id: '7', classType: 'X' } }
  const prompt = { '7': { class_type: 'X', inputs: {} } }
  const ofWorkflow = await explainRefusal(missing, (errors) => Promise.resolve(errors), prompt)
  expect(ofWorkflow).toMatchObject({ code: 'workflow_unavailable', errors: [named] })
  const atClass = (errors: readonly FieldError[]) =>
    Promise.resolve(errors.map((error) => ({ ...error, pointer: '/prompt/7/class_type' })))
  const ofCaller = await explainRefusal(missing, atClass, prompt)
  expect(ofCaller).toMatchObject({
    code: 'invalid_workflow',
    message: "/prompt/7/class_type: Node 'X' not found",
    errors: [{ ...named, pointer: '/prompt/7/class_type' }],
  })
})
