import { expect, test } from 'vitest'
import { DeafnessDetector } from './deafness-detector.ts'

test('asks for a new socket when a prompt was accepted and nothing was heard for five seconds', () => {
  const detector = new DeafnessDetector()
  detector.noteSubmitted(0, detector.heard)
  expect(detector.shouldReconnect(4999)).toBe(false)
  expect(detector.shouldReconnect(5000)).toBe(true)
  expect(detector.shouldReconnect(20_000)).toBe(false)
})

test('is content while something is heard', () => {
  const detector = new DeafnessDetector()
  for (let nowMs = 0; nowMs < 60_000; nowMs += 1000) {
    detector.noteSubmitted(nowMs, detector.heard)
    detector.noteHeard()
    expect(detector.shouldReconnect(nowMs + 900)).toBe(false)
  }
})

test('is content with a message that came before the answer to the submit', () => {
  const detector = new DeafnessDetector()
  const heardBefore = detector.heard
  detector.noteHeard()
  detector.noteSubmitted(0, heardBefore)
  expect(detector.shouldReconnect(60_000)).toBe(false)
})

test('takes the server for mute when a new socket hears nothing either, until it is heard again', () => {
  const detector = new DeafnessDetector()
  detector.noteSubmitted(0, detector.heard)
  expect(detector.shouldReconnect(6000)).toBe(true)
  detector.noteDown()
  detector.noteSubmitted(7000, detector.heard)
  expect(detector.shouldReconnect(13_000)).toBe(false)
  expect(detector.isMute).toBe(true)
  detector.noteHeard()
  expect(detector.isMute).toBe(false)
})

test('knows by the tick when it was last heard', () => {
  const detector = new DeafnessDetector()
  detector.noteTick(1000)
  expect(detector.lastHeardAtMs).toBeUndefined()
  detector.noteHeard()
  detector.noteTick(2000)
  detector.noteTick(3000)
  expect(detector.lastHeardAtMs).toBe(2000)
})
