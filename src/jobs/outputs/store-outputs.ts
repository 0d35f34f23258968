import type { NodeOutput } from '../../comfyui/wire/messages.ts'
import type { RemovalOutcome } from '../../lib/media-texts/removal-steps.ts'
import { collectOutputs, type FoundOutput } from '../../outputs/collect-outputs.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import { nameOutput } from '../../outputs/name-output.ts'
import type { OutputReader, OutputTap, PlannedOutput } from './output-tap.ts'
import { storeOutput, type StoreOutputOptions, type StoredOutput, type TappedOutput } from './store-output.ts'

export interface StoreOutputsOptions extends StoreOutputOptions {
  /** Name of the workflow. */
  readonly workflow: string
  readonly outputs: Readonly<Record<string, NodeOutput>>
  /** The workflow's names for output nodes: name → node id. */
  readonly outputNames: Readonly<Record<string, string>>
  /** Previews of nodes are kept too. */
  readonly withIntermediate?: boolean
  /** Takes one of them while it is fetched. Of no use where images are converted: what they become is not known before. */
  readonly tap?: OutputTap | undefined
  readonly onStored: (output: JobOutput) => void
  /** Why a job that went well has nothing to show, or texts in a file that were to be removed. */
  readonly onWarning: (text: string) => void
}

/** The output that a reader was given whole, all but its end. */
interface Passed {
  readonly index: number
  readonly found: FoundOutput
  readonly reader: OutputReader
}

/**
 * Copies everything a prompt produced into the output store, in order. Resolves when all of it is complete there, but
 * for what a reader took in place of the store: that one gets its end last, when nothing else can fail any more. When one
 * cannot be stored those before it are removed again: no job would ever name them, and on a full disk their place is
 * what the end of the job can be written into.
 *
 * @throws ComfyuiError when a file cannot be had from the instance, GatewayError `storage_unavailable`,
 * `conversion_failed`, `conversion_unavailable`
 */
export async function storeOutputs(options: StoreOutputsOptions): Promise<JobOutput[]> {
  const stored: JobOutput[] = []
  try {
    await storeInto(stored, options)
  } catch (error) {
    options.tap?.fail()
    await options.store.remove(options.jobId, stored.length)
    throw error
  }
  return stored
}

async function storeInto(stored: JobOutput[], options: StoreOutputsOptions): Promise<void> {
  const names = new Map(Object.entries(options.outputNames).map(([name, nodeId]) => [nodeId, name]))
  const unhandled = new Set<string>()
  const wanted = collectOutputs(options.outputs, {
    namedNodes: new Set(names.keys()),
    withIntermediate: options.withIntermediate ?? false,
    onUnhandled: ({ nodeId, key }) => unhandled.add(`\`${key}\` of node ${nodeId}`),
  })
  const plans = wanted.map((found, index) => planOf(found, index, names, options))
  const tapped = options.convertImage === undefined ? options.tap?.choose(plans) : undefined
  let passed: Passed | undefined
  for (const [index, found] of wanted.entries()) {
    const plan = planOf(found, index, names, options)
    const tap = index === tapped ? tapOf(plan, wanted.length, options.tap) : undefined
    const kept = await storeOutput(found, index, options, tap)
    stored.push(outputOf(plan, kept))
    warnOf(found, kept, options)
    if (kept.reader === undefined) tell(stored, index, options)
    else passed = { index, found, reader: kept.reader }
  }
  if (passed !== undefined) await finishPassed(passed, stored, options)
  if (stored.length > 0) return
  const left =
    unhandled.size === 0 ? '' : ` What it told of is neither a file nor a text: ${[...unhandled].join(', ')}.`
  options.onWarning(`ComfyUI ran the workflow and gave no output that can be kept.${left}`)
}

/** The reader gets the end of its output. Where it went before that, the output is stored after all. */
async function finishPassed(
  { index, found, reader }: Passed,
  stored: JobOutput[],
  options: StoreOutputsOptions,
): Promise<void> {
  const output = stored[index]
  if (output !== undefined && !(await reader.finish())) {
    const { sizeBytes } = await storeOutput(found, index, options)
    const { isPassedOn: _wasNot, ...kept } = output
    stored[index] = { ...kept, sizeBytes }
  }
  tell(stored, index, options)
}

function tell(stored: readonly JobOutput[], index: number, { onStored }: StoreOutputsOptions): void {
  const output = stored[index]
  if (output !== undefined) onStored(output)
}

function planOf(
  found: FoundOutput,
  index: number,
  names: ReadonlyMap<string, string>,
  { jobId, workflow }: StoreOutputsOptions,
): PlannedOutput {
  const { nodeId, outputKind: kind, contentType, isIntermediate } = found
  const name = names.get(nodeId)
  const filename = nameOutput({ workflow, jobId, index, outputName: name, filename: found.filename })
  return { index, nodeId, name, kind, contentType, filename, ...(isIntermediate && { isIntermediate }) }
}

function outputOf(plan: PlannedOutput, { sizeBytes, converted, removal, reader }: StoredOutput): JobOutput {
  return {
    ...plan,
    contentType: converted?.contentType ?? plan.contentType,
    sizeBytes,
    filename: converted === undefined ? plan.filename : withExtension(plan.filename, converted.extension),
    ...((converted !== undefined || removal === 'removed') && { isStripped: true }),
    ...(reader !== undefined && { isPassedOn: true }),
  }
}

function tapOf(plan: PlannedOutput, outputCount: number, tap: OutputTap | undefined): TappedOutput | undefined {
  return (
    tap && {
      isStored: tap.isStored,
      hold: (bytes) => tap.hold(plan, bytes),
      open: (sizeBytes) => tap.open(plan, { outputCount, sizeBytes }),
      fail: () => tap.fail(),
    }
  )
}

function warnOf({ filename }: FoundOutput, { converted, removal }: StoredOutput, options: StoreOutputsOptions): void {
  const textsLeft = removal === undefined ? undefined : whyTextsAreLeft(removal)
  if (textsLeft !== undefined)
    options.onWarning(`${filename}: its metadata could not be removed, because ${textsLeft}.`)
  if (converted?.warning !== undefined) options.onWarning(`${filename}: ${converted.warning}`)
}

function whyTextsAreLeft(removal: RemovalOutcome): string | undefined {
  switch (removal) {
    case 'removed':
      return undefined
    case 'unknown':
      return 'its format is not known'
    case 'broken':
      return 'a part of it cannot be read'
    default:
      return removal satisfies never
  }
}

function withExtension(filename: string, extension: string): string {
  return `${filename.slice(0, filename.lastIndexOf('.'))}.${extension}`
}
