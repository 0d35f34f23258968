import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import { instanceListSchema } from '../../src/http/schemas/instance.ts'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { expectAnswer } from '../support/expect-answer.ts'
import type { OtlpReceiver, ReceivedSpan } from '../support/otlp-receiver.ts'
import type { DocumentBlock } from '../support/read-document.ts'
import type { DocumentReader } from '../support/run-document.ts'

/** What the examples of a page are tried with. */
export interface Stage {
  readonly reader: DocumentReader
  /** A simulator, where the page needs a ComfyUI. */
  readonly comfyui: Simulator | undefined
  /** A receiver of spans, where the page needs one. */
  readonly collector: OtlpReceiver | undefined
}

type CheckBlock = (block: DocumentBlock, stage: Stage) => void | Promise<void>
type CheckCommand = (command: string, stage: Stage) => void | Promise<void>

/** How the examples of a page are tried: commands are run, files are written, answers are compared. */
export interface DocumentedPage {
  readonly needs?: {
    /** Commands find it by the environment, or by an address that the page gives it. */
    readonly comfyui?: true | { readonly at: string }
    readonly collector?: true
  }
  /** What shows that blocks of a language are right, where they are neither of these. */
  readonly shown?: Readonly<Record<string, CheckBlock>>
  /** What is done in place of commands that have a part like this. */
  readonly instead?: Readonly<Record<string, CheckCommand>>
  /** Pictures that whoever follows the page has in the end, with width and height. */
  readonly pictures?: readonly (readonly [file: string, width: number, height: number])[]
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const waitMs = 60_000

const packageSchema = z.object({ scripts: z.record(z.string(), z.string()) })

/** Commands of npm take minutes, and run the tests that this is one of. */
export const npmScript: CheckCommand = async (command) => {
  const [, known, script] = /^npm (?:(ci|test)|run (\S+))(?= |$)/.exec(command) ?? []
  const { scripts } = packageSchema.parse(JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')))
  expect([...Object.keys(scripts), 'ci']).toContain(known ?? script)
}

/** A test of its own runs the block, with what is not on every machine. */
const testOf =
  (script: string, source: string): CheckBlock =>
  async ({ language }, stage) => {
    await npmScript(`npm run ${script}`, stage)
    expect(await readFile(path.join(root, source), 'utf8')).toContain(`'${language}'`)
  }

/** Every page but the README, which has a test of its own. Those without examples are listed too. */
export const documentedPages: Readonly<Record<string, DocumentedPage>> = {
  'CHANGELOG.md': {},
  'CONTRIBUTING.md': {},
  'docs/architecture.md': {},
  'docs/binary.md': {},
  'docs/check.md': { needs: { comfyui: { at: 'http://gpu:8188' } }, shown: { yaml: runsSteps } },
  'docs/configuration.md': {},
  'docs/deployment.md': {
    instead: { docker: namesItsFiles, 'sudo ': namesItsFiles, 'export ': isRead },
  },
  'docs/errors.md': {},
  'docs/http.md': {
    pictures: [
      ['lighthouse.png', 256, 256],
      ['storm.png', 512, 512],
      ['gale.png', 512, 512],
      ['rain.png', 512, 512],
      ['pier.png', 512, 512],
      ['mole.png', 512, 512],
    ],
  },
  'docs/observability.md': {
    needs: { comfyui: true, collector: true },
    shown: {
      json: showsExtraData,
      promql: testOf('test', 'test/contract/observability-docs.test.ts'),
      text: showsSpans,
      yaml: async (block, stage) => {
        if (block.content.startsWith('scrape_configs:')) return showsMetrics(block, stage)
        return testOf('test', 'test/contract/observability-docs.test.ts')(block, stage)
      },
    },
  },
  'docs/performance.md': {},
  'docs/proxy.md': {
    needs: { comfyui: true },
    shown: {
      nginx: testOf('test:proxy', 'test/proxy/documented-config.ts'),
      caddyfile: testOf('test:proxy', 'test/proxy/documented-config.ts'),
    },
  },
  'docs/reliability.md': {},
  'docs/simulator.md': {
    instead: { $SIMULATOR: asksSimulator, 'scripts/simulator.ts': startsSimulator },
    shown: { ts: runsModule },
  },
  'docs/workflows.md': {
    pictures: [
      ['color.png', 256, 256],
      ['box.png', 512, 512],
      ['plain.png', 320, 200],
      ['wooden.png', 512, 512],
      ['old.png', 512, 512],
    ],
  },
  'workflow_templates/README.md': {},
}

/** What is not on every machine is not run; the files that it takes are there, but for the program that is built. */
async function namesItsFiles(command: string): Promise<void> {
  const files: string[] = command.match(/(?<= )(?:deploy\/[\w.-]+|Dockerfile[\w.]*)/g) ?? []
  if (command.includes('compose')) files.push('docker-compose.yml')
  for (const file of files) await readFile(path.join(root, file))
}

/** The variable is one that the file for containers reads. */
async function isRead(command: string): Promise<void> {
  const [, name = ''] = /^export (\w+)=/.exec(command) ?? []
  expect(await readFile(path.join(root, 'docker-compose.yml'), 'utf8')).toContain(`\${${name}`)
}

const actionsSchema = z.object({
  jobs: z.record(
    z.string(),
    z.object({
      steps: z.array(
        z.union([
          z.strictObject({ run: z.string() }),
          z.strictObject({ uses: z.string().regex(/^actions\/[a-z-]+@v\d+$/), with: z.looseObject({}).optional() }),
        ]),
      ),
    }),
  ),
})

/** Runs what a workflow of GitHub runs, npm left out. It may find mistakes, which the page has put there. */
async function runsSteps({ content }: DocumentBlock, stage: Stage): Promise<void> {
  const { jobs } = actionsSchema.parse(parseYaml(content))
  const commands = Object.values(jobs).flatMap(({ steps }) => steps.flatMap((step) => ('run' in step ? step.run : [])))
  expect(commands.length).toBeGreaterThan(1)
  for (const command of commands) {
    if (command.startsWith('npm ')) await npmScript(command, stage)
    else expect(await stage.reader.shell(`${command.replace(/^npx /, '')} || echo "exit $?"`)).toMatch(/\nexit 1\n$/)
  }
}

async function runJob({ reader }: Stage): Promise<void> {
  await reader.shell(
    `curl -X POST localhost:3000/qwen/qwen_base_txt2img -o result.json -d '{"prompt": "a fox", "width": 256, "height": 256}'`,
  )
}

const historySchema = z.record(z.string(), z.object({ prompt: z.array(z.unknown()) }))

async function showsExtraData(block: DocumentBlock, stage: Stage): Promise<void> {
  await runJob(stage)
  const answer = await fetch(`${String(stage.comfyui?.url)}/history`)
  const [entry] = Object.values(historySchema.parse(await answer.json())).slice(-1)
  const extraData = entry?.prompt.find((part) => typeof part === 'object' && part !== null && 'comfyui_api' in part)
  expectAnswer(JSON.stringify(extraData), block)
}

async function showsMetrics({ content }: DocumentBlock, { reader }: Stage): Promise<void> {
  // Prometheus asks for /metrics unless it is told something else.
  expect(content).not.toContain('metrics_path')
  expect(content).toContain(':3000')
  expect(await reader.shell('curl localhost:3000/metrics')).toContain('# HELP comfyui_api_')
}

/** Names in the tree that the page draws are in its first thirty columns, and each level is three wide. */
function readTree(text: string): readonly string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, lines = '', name = ''] = /^([ │├└─]*)(.*?) *$/.exec(line.slice(0, 30)) ?? []
      return '  '.repeat(lines.length / 3) + name
    })
    .toSorted()
}

function drawTree(span: ReceivedSpan, spans: readonly ReceivedSpan[], depth = 0): readonly string[] {
  const below = spans.filter(({ parentSpanId }) => parentSpanId === span.spanId)
  return ['  '.repeat(depth) + span.name, ...below.flatMap((child) => drawTree(child, spans, depth + 1))]
}

async function showsSpans({ content }: DocumentBlock, stage: Stage): Promise<void> {
  await runJob(stage)
  const shown = readTree(content)
  await vi.waitFor(
    () => {
      const spans = stage.collector?.spans ?? []
      const request = spans.findLast(({ name }) => name.startsWith('POST'))
      if (request === undefined) throw new Error('no request has been told yet')
      expect(drawTree(request, spans).toSorted()).toEqual(shown)
    },
    { timeout: waitMs, interval: 100 },
  )
}

async function asksSimulator(command: string, { reader }: Stage): Promise<void> {
  const { data } = instanceListSchema.parse(JSON.parse(await reader.shell('curl localhost:3000/instances')))
  reader.variables['SIMULATOR'] = String(data[0]?.url)
  const answer: unknown = JSON.parse(await reader.shell(command.replace('curl ', 'curl --fail-with-body ')))
  expect(answer).toBeTypeOf('object')
}

/** Runs the command on another port until it says its address. */
async function startsSimulator(command: string): Promise<void> {
  expect(command).toContain('--port 8188')
  const line = command.replace('node ', '').replace('--port 8188', '--port 0')
  const simulator = spawn(process.execPath, line.split(' '), { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(simulator, 'close')
  try {
    const [said] = await Promise.race([once(simulator.stdout, 'data'), ended])
    expect(String(said)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\n$/)
  } finally {
    simulator.kill()
    await ended
  }
}

/** Runs a part of a module of this repository, which leaves out the import. */
async function runsModule({ content }: DocumentBlock, { reader }: Stage): Promise<void> {
  const source = JSON.stringify(path.join(root, 'src', 'simulator', 'simulator.ts'))
  await reader.write(
    'example.mts',
    `import { createSimulator } from ${source}\n${content}\nawait simulator.close()\nconsole.log('whole')\n`,
  )
  expect(await reader.shell('node example.mts')).toBe('whole\n')
}
