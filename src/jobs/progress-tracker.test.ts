import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { ProgressTracker } from './progress-tracker.ts'

const prompt: Prompt = {
  '4': { class_type: 'CheckpointLoaderSimple', inputs: {} },
  '3': { class_type: 'KSampler', inputs: { steps: 8 } },
  '9': { class_type: 'SaveImage', inputs: {} },
}

function stateFrame(nodes: Record<string, { value: number; max: number; state: string }>): Buffer {
  return Buffer.from(JSON.stringify({ type: 'progress_state', data: { prompt_id: 'p', nodes } }))
}

test('counts a sampler by its steps and every other node once', () => {
  const tracker = new ProgressTracker(prompt)
  tracker.noteProgressState(
    stateFrame({ '4': { value: 1, max: 1, state: 'finished' }, '3': { value: 4, max: 8, state: 'running' } }),
  )
  expect(tracker.current()).toEqual({
    value: 0.5,
    nodesDone: 1,
    nodesTotal: 3,
    currentNode: '3',
    currentNodeClass: 'KSampler',
    step: 4,
    steps: 8,
  })
})

test('counts cached nodes as done, and ends at 1', () => {
  const tracker = new ProgressTracker(prompt)
  tracker.noteCached(['4', '3'])
  tracker.noteProgressState(stateFrame({ '9': { value: 1, max: 1, state: 'finished' } }))
  expect(tracker.current()).toMatchObject({ value: 1, nodesDone: 3 })
})

test('follows servers that only send executing and progress', () => {
  const tracker = new ProgressTracker(prompt)
  tracker.noteExecuting('3')
  tracker.noteProgress('3', 2, 8)
  expect(tracker.current()).toMatchObject({ value: 0.2, step: 2, steps: 8, currentNodeClass: 'KSampler' })
})

test('a node is done when the next one begins, where nobody says so', () => {
  const tracker = new ProgressTracker(prompt)
  for (const nodeId of ['4', '3', '9']) tracker.noteExecuting(nodeId)
  expect(tracker.current()).toMatchObject({ value: 0.9, nodesDone: 2, currentNode: '9' })
})

test('an earlier state does not take the place of the node that began after it', () => {
  const tracker = new ProgressTracker(prompt)
  tracker.noteProgressState(
    stateFrame({ '4': { value: 1, max: 1, state: 'finished' }, '3': { value: 7, max: 8, state: 'running' } }),
  )
  tracker.noteExecuting('9')
  expect(tracker.current()).toMatchObject({ value: 0.1, nodesDone: 1, currentNode: '9', step: undefined })
  tracker.noteProgressState(stateFrame({ '3': { value: 8, max: 8, state: 'finished' } }))
  expect(tracker.current()).toMatchObject({ value: 0.9, nodesDone: 2, currentNode: '9' })
})

test('never goes down and never leaves 0..1, whatever is reported', () => {
  const node = fc.record({
    value: fc.double({ noNaN: true, min: -5, max: 50 }),
    max: fc.double({ noNaN: true, min: 0, max: 20 }),
    state: fc.constantFrom('running', 'finished', 'error', 'pending'),
  })
  const frames = fc.array(fc.dictionary(fc.constantFrom('3', '4', '9', '3.0.0.1', 'constructor'), node))
  fc.assert(
    fc.property(frames, (states) => {
      const tracker = new ProgressTracker(prompt)
      let last = 0
      for (const state of states) {
        tracker.noteProgressState(stateFrame(state))
        const { value, nodesDone } = tracker.current()
        expect(value).toBeGreaterThanOrEqual(last)
        expect(value).toBeLessThanOrEqual(1)
        expect(nodesDone).toBeLessThanOrEqual(3)
        last = value
      }
    }),
  )
})
