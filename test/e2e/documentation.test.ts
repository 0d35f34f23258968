import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PNG } from 'pngjs'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { listPages, pageUrl } from '../support/document-pages.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { readBlocks, readSteps } from '../support/read-document.ts'
import { DocumentReader } from '../support/run-document.ts'
import { documentedPages, npmScript, type Stage } from './documented-pages.ts'

describe('the pages', () => {
  test('are all listed', async () => {
    const pages = await listPages()
    const unlisted: string[] = []
    for (const page of pages) {
      const hasBlocks = readBlocks(await readFile(pageUrl(page), 'utf8')).length > 0
      const isDecision = page.startsWith('docs/decisions/')
      if (!Object.hasOwn(documentedPages, page) && (hasBlocks || !isDecision)) unlisted.push(page)
    }
    expect(unlisted).toEqual(['README.md'])
    expect(Object.keys(documentedPages).filter((page) => !pages.includes(page))).toEqual([])
  })
})

describe.each(Object.entries(documentedPages))('%s', async (name, page) => {
  const steps = readSteps(await readFile(pageUrl(name), 'utf8'))
  const otherwise = { 'npm ': npmScript, ...page.instead }
  let comfyui: Simulator | undefined
  let collector: OtlpReceiver | undefined
  let reader: DocumentReader
  let stage: Stage

  beforeAll(async () => {
    const { comfyui: wanted } = page.needs ?? {}
    if (wanted !== undefined) comfyui = await createSimulator()
    if (page.needs?.collector === true) collector = await new OtlpReceiver().listen()
    reader = await DocumentReader.begin({
      replace: {
        ...(collector !== undefined && { 'http://collector:4318': collector.url }),
        ...(comfyui !== undefined && typeof wanted === 'object' && { [wanted.at]: comfyui.url }),
      },
      variables: comfyui !== undefined && wanted === true ? { COMFYUI_URL: comfyui.url } : {},
    })
    stage = { reader, comfyui, collector }
  })
  afterAll(async () => {
    await reader.end()
    await comfyui?.close()
    await collector?.[Symbol.asyncDispose]()
  })

  if (steps.length === 0) {
    test('has no examples', () => {
      expect(page).toEqual({})
    })
  }

  for (const step of steps) {
    if (step.kind === 'show') continue
    const what = step.kind === 'write' ? step.file : step.commands.join('; ')
    test(`line ${String(step.line)}: ${what}`, async () => {
      if (step.kind === 'write') return reader.write(step.file, step.content)
      for (const command of step.commands) {
        const [instead] = Object.entries(otherwise).flatMap(([part, check]) => (command.includes(part) ? [check] : []))
        await (instead?.(command, stage) ?? reader.shell(command))
      }
      if (step.answer !== undefined) reader.expect(step.answer)
    })
  }

  // Last, because what they show comes of the commands.
  for (const step of steps) {
    if (step.kind !== 'show') continue
    const { block } = step
    test(`line ${String(step.line)}: ${block.language}`, async () => {
      const check = page.shown?.[block.language]
      if (check === undefined) throw new Error('the block is no file, no command, and no answer to one')
      await check(block, stage)
    })
  }

  test.each(page.pictures ?? [])('makes %s', async (picture, width, height) => {
    const { width: drawnWidth, height: drawnHeight } = PNG.sync.read(await reader.read(picture))
    expect([drawnWidth, drawnHeight]).toEqual([width, height])
  })
})
