import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { outputFilename, parseOutputFilename } from './output-filename.ts'

const chosenId = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/)

test('a file tells its job', () => {
  fc.assert(
    fc.property(chosenId, fc.nat(), (jobId, index) => {
      const name = outputFilename(jobId, index) ?? ''
      expect(parseOutputFilename(name)).toEqual({ jobId, isPart: false })
      expect(parseOutputFilename(`${name}.7.part`)).toEqual({ jobId, isPart: true })
    }),
  )
})

test('files of different jobs differ also where upper and lower case are the same', () => {
  const ids = fc.uniqueArray(fc.stringMatching(/^[aA]{1,4}$/), { minLength: 2, maxLength: 2 })
  fc.assert(
    fc.property(ids, (both) => {
      expect(new Set(both.map((id) => outputFilename(id, 0)?.toLowerCase())).size).toBe(2)
    }),
  )
})

test('an id of this server is in the name as it is', () => {
  const id = randomUUID()
  expect(outputFilename(id, 3)).toBe(`${id}.3`)
  expect(parseOutputFilename(`${id}.3`)).toEqual({ jobId: id, isPart: false })
})

test.each(['', '.', '..', 'a/b', 'a.b', '../a', 'a b', 'ä', 'a'.repeat(129), '\0'])('%j is no id of a job', (id) => {
  expect(outputFilename(id, 0)).toBeUndefined()
})

test.each([-1, 0.5, Number.NaN, Infinity])('%d is no index', (index) => {
  expect(outputFilename('a', index)).toBeUndefined()
})

test.each(['notes.txt', 'con.0', 'j~a.0', 'j~A~0.0', 'j~a~0.x', '.part'])('%s is no file of an output', (name) => {
  expect(parseOutputFilename(name)).toBeUndefined()
})
