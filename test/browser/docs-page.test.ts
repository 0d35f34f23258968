import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { startGatewayProcess, type GatewayProcess } from '../chaos/gateway-process.ts'
import { makePng } from '../support/make-image.ts'
import { openChromium } from './open-chromium.ts'

const mainWorkflow = '/qwen/qwen_base_txt2img'
/** Where pictures of the page are put for a person to look at, when this is set. */
const screenshots = process.env['SCREENSHOTS']

let folder: string
let gateway: GatewayProcess
let url: string
let browser: Browser
let page: Page
/** What the page did that it should not: errors, and requests to anywhere else. */
let faults: string[]

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'docs-page-'))
  gateway = startGatewayProcess(['--demo', '--data-dir', path.join(folder, 'data')], { COMFYUI_API_DEMO_STEP_MS: '0' })
  url = await gateway.ready
  browser = await openChromium()
})
afterAll(async () => {
  await browser.close()
  await gateway.stop()
  await rm(folder, { recursive: true, force: true })
})

beforeEach(async () => {
  faults = []
  page = await browser.newPage({ viewport: { width: 1300, height: 1000 } })
  page.setDefaultTimeout(60_000)
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(`${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => faults.push(`exception: ${error.message}`))
  page.on('request', (request) => {
    const isOwn = [`${url}/`, 'data:', `blob:${url}/`].some((start) => request.url().startsWith(start))
    if (!isOwn) faults.push(`request to ${request.url()}`)
  })
})
afterEach(async () => {
  expect(faults).toEqual([])
  await page.close()
})

async function openDocs(): Promise<void> {
  const answer = await page.goto(`${url}/docs`)
  expect(answer?.status()).toBe(200)
  const policy = answer?.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toMatch(/script-src 'self'(;|$)/)
  await page.locator('.opblock').first().waitFor()
}

/** The part of the page about `POST` to a workflow, opened. */
async function openWorkflow(name: string): Promise<Locator> {
  const operation = page.locator('.opblock-post').filter({ has: page.locator(`[data-path="${name}"]`) })
  await operation.locator('.opblock-summary-control').click()
  await operation.locator('button.execute').waitFor()
  return operation
}

async function keepScreenshot(name: string): Promise<void> {
  if (screenshots !== undefined) await page.screenshot({ path: path.join(screenshots, `${name}.png`) })
}

/** Size of the picture that the answer shows, once it is decoded. */
async function shownPicture(operation: Locator): Promise<{ width: number; height: number }> {
  const picture = operation.locator('.live-responses-table img')
  await picture.scrollIntoViewIfNeeded()
  const size: unknown = await page.evaluate(`(async () => {
    const image = document.querySelector('.live-responses-table img')
    await image.decode()
    return { width: image.naturalWidth, height: image.naturalHeight }
  })()`)
  return z.object({ width: z.number(), height: z.number() }).parse(size)
}

test('the page shows every workflow by family, and that it is a demo', async () => {
  await openDocs()
  await keepScreenshot('docs')
  for (const family of ['qwen', 'sd15', 'sdxl', 'flux']) await page.locator(`#operations-tag-${family}`).waitFor()
  expect(await page.locator('.info').textContent()).toContain('SIMULATED')
  const groups = await page.evaluate('[...document.querySelectorAll(".opblock-tag")].map((tag) => tag.dataset.tag)')
  const own = ['workflows', 'prompt', 'jobs', 'events', 'outputs', 'assets', 'models', 'server']
  expect(groups).toEqual(['flux', 'qwen', 'sd15', 'sdxl', ...own])
  expect(await page.locator('.authorize, .authorization__btn').count()).toBe(0)
})

test('"Execute" on the main workflow shows its picture', async () => {
  await openDocs()
  const operation = await openWorkflow(mainWorkflow)
  await operation.locator('.response-control-media-type select').first().selectOption('image/*')
  await operation
    .locator('textarea')
    .first()
    .fill(JSON.stringify({ prompt: 'a lighthouse at dawn', width: 256, height: 384 }))
  await operation.locator('button.execute').click()
  expect(await shownPicture(operation)).toEqual({ width: 256, height: 384 })
  const curl = (await operation.locator('.curl').textContent()) ?? ''
  expect([...curl.matchAll(/-H '([^:]+):/g)].map(([, name]) => name)).toEqual(['accept', 'Content-Type'])
  expect(curl).toContain(`'${url}${mainWorkflow}' `)
  await keepScreenshot('main-workflow')
})

test('the example that the page offers works as it stands', async () => {
  await openDocs()
  const operation = await openWorkflow(mainWorkflow)
  await operation.locator('button.execute').click()
  const status = operation.locator('.live-responses-table tbody .response-col_status').first()
  expect((await status.textContent())?.trim()).toMatch(/^200/)
})

/** Chooses the form in place of JSON. */
async function chooseForm(operation: Locator): Promise<void> {
  await operation
    .locator(
      '.opblock-section-request-body .content-type-wrapper select, .opblock-section-request-body select.content-type',
    )
    .first()
    .selectOption('multipart/form-data')
}

async function makePictureFile(): Promise<string> {
  const file = path.join(folder, 'picture.png')
  await writeFile(file, makePng(64, 64))
  return file
}

test('a picture is chosen as a file where a workflow takes one', async () => {
  await openDocs()
  const operation = await openWorkflow('/sd15/img2img')
  await chooseForm(operation)
  await operation
    .locator('input[type=file]')
    .first()
    .setInputFiles(await makePictureFile())
  await operation
    .locator('[data-property-name="prompt"] input, [data-property-name="prompt"] textarea')
    .first()
    .fill('a box')
  await operation.locator('.response-control-media-type select').first().selectOption('image/*')
  await operation.locator('button.execute').click()
  expect((await shownPicture(operation)).width).toBeGreaterThan(0)
  await keepScreenshot('upload')
})

const resultSchema = z.object({ status: z.literal('succeeded'), images: z.tuple([z.string()]) })

test('a form works with a file alone, and draws another seed each time', async () => {
  await openDocs()
  const name = '/qwen/qwen_img_edit'
  const operation = await openWorkflow(name)
  await chooseForm(operation)
  await operation
    .locator('input[type=file]')
    .first()
    .setInputFiles(await makePictureFile())
  const pictures: string[] = []
  for (let time = 0; time < 2; time++) {
    const answered = page.waitForResponse(`${url}${name}`)
    await operation.locator('button.execute').click()
    const answer: unknown = await (await answered).json()
    pictures.push(...resultSchema.parse(answer).images)
  }
  expect(new Set(pictures).size).toBe(2)
  await keepScreenshot('form')
})
