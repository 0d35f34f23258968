import { expect, test } from 'vitest'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { RunTimeEstimates, sizeOf } from './run-time-estimates.ts'

function prompt(steps: number, width: number): Prompt {
  return {
    '3': { class_type: 'KSampler', inputs: { steps, model: ['4', 0] } },
    '5': { class_type: 'EmptyLatentImage', inputs: { width, height: 512, batch_size: 1 } },
  }
}

test('knows nothing before anything ran', () => {
  expect(new RunTimeEstimates().expectedMs('a', 1)).toBeUndefined()
})

test('learns by workflow and size, and falls back to the workflow, then to all', () => {
  const estimates = new RunTimeEstimates()
  for (let count = 0; count < 30; count++) {
    estimates.learn('slow', sizeOf(prompt(40, 1024)), 40_000)
    estimates.learn('slow', sizeOf(prompt(4, 256)), 1000)
  }
  expect(estimates.expectedMs('slow', sizeOf(prompt(40, 1024)))).toBeCloseTo(40_000)
  expect(estimates.expectedMs('slow', sizeOf(prompt(4, 256)))).toBeCloseTo(1000)
  expect(estimates.expectedMs('slow', 99)).toBeGreaterThan(1000)
  expect(estimates.expectedMs('other', 1)).toBeGreaterThan(1000)
})

test('prompts of about the same work are of one size, others are not', () => {
  expect(sizeOf(prompt(20, 512))).toBe(sizeOf(prompt(21, 520)))
  expect(sizeOf(prompt(20, 1024))).toBe(sizeOf(prompt(20, 512)) + 1)
  expect(sizeOf({})).toBe(0)
})
