import { readFile } from 'node:fs/promises'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSteps } from '../support/read-document.ts'
import { DocumentReader } from '../support/run-document.ts'

/** The pages whose every example is followed here, from the begin to the end. */
const pages: Readonly<Record<string, readonly (readonly [picture: string, width: number, height: number])[]>> = {
  'workflows.md': [
    ['color.png', 256, 256],
    ['box.png', 512, 512],
    ['wooden.png', 512, 512],
    ['old.png', 512, 512],
  ],
}

describe.each(Object.entries(pages))('docs/%s', async (page, pictures) => {
  const steps = readSteps(await readFile(new URL(`../../docs/${page}`, import.meta.url), 'utf8'))
  let reader: DocumentReader
  beforeAll(async () => {
    reader = await DocumentReader.begin()
  })
  afterAll(() => reader.end())

  for (const step of steps) {
    const what = step.kind === 'write' ? step.file : step.commands.join('; ')
    test(`line ${String(step.line)}: ${what}`, () => reader.follow(step), 120_000)
  }

  test.each(pictures)('makes %s', async (picture, width, height) => {
    const { width: drawnWidth, height: drawnHeight } = PNG.sync.read(await reader.read(picture))
    expect([drawnWidth, drawnHeight]).toEqual([width, height])
  })
})
