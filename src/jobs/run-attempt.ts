import type { OpenedFile } from '../comfyui/comfyui-client.ts'
import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import { explainRefusal, fieldErrorsOf, partlyRefused, type NameParameters } from '../comfyui/explain-refusal.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { InputStore } from '../inputs/input-store.ts'
import type { Instance } from '../instances/instance.ts'
import { traceIdOf } from '../lib/traceparent.ts'
import type { FoundMedium } from '../outputs/collect-outputs.ts'
import type { ImageConverter } from '../outputs/image-converter.ts'
import type { JobOutput } from '../outputs/job-output.ts'
import type { OutputStore } from '../outputs/output-store.ts'
import type { Job, JobError } from './job.ts'
import type { LiveJob } from './live-job.ts'
import { jobErrorOfNodeFailure } from './node-failure.ts'
import { type FollowHooks, type FollowLimits, PromptFollower } from './prompt-follower.ts'
import { createSocketImages, type SocketImages, withFreshSenders } from './outputs/socket-images.ts'
import { storeOutputs } from './outputs/store-outputs.ts'
import { uploadInputs } from './upload-inputs.ts'
import type { Verdict } from './verdict.ts'

/** How an attempt to run a job on one instance ended. */
export type AttemptResult =
  | { readonly kind: 'succeeded'; readonly outputs: readonly JobOutput[]; readonly executedAtMs: number }
  | { readonly kind: 'failed'; readonly error: JobError }
  | { readonly kind: 'expired'; readonly error: JobError }
  | { readonly kind: 'canceled' }
  /**
   * Not the job's fault: another attempt may do better. `mayHaveRun` false: it surely did not. `isSpent`: what the instance
   * knows of the prompt is of no use, so that the next attempt is to be another prompt for it.
   */
  | { readonly kind: 'lost'; readonly error: JobError; readonly mayHaveRun: boolean; readonly isSpent?: true }

export interface AttemptContext {
  readonly instance: Instance
  readonly inputs: InputStore
  readonly outputs: OutputStore
  readonly images: ImageConverter
  readonly limits: FollowLimits
  readonly nameParameters: NameParameters
  /** Registers the follower for ticks and reconnects while the attempt lasts. */
  readonly track: (follower: PromptFollower) => { untrack: () => void }
  /** The place on the instance is free again; the outputs may still be on their way. */
  readonly release: () => void
  readonly hooks: FollowHooks
  readonly onOutput: (output: JobOutput) => void
  /** The instance chose another id than the one it was given, as servers before 0.3.45 do. */
  readonly onPromptId: (promptId: string) => void
  /** The instance took the prompt. */
  readonly onSubmitted: () => void
}

/**
 * Runs a job on an instance, from the upload of its inputs to the last output in the store.
 *
 * @param mode `submit` sends the prompt; `adopt` takes up one that an earlier process sent.
 */
export async function runAttempt(
  live: LiveJob,
  mode: 'submit' | 'adopt',
  context: AttemptContext,
): Promise<AttemptResult> {
  const { instance } = context
  const promptId = live.job.promptId
  const socketImages = createSocketImages(live.payload.prompt)
  const follower = new PromptFollower({
    instance,
    promptId,
    limits: context.limits,
    hooks: socketImages.watch(context.hooks),
    isAdopted: mode === 'adopt',
  })
  const followed = [promptId]
  const tracked = context.track(follower)
  live.stopAttempt = () => follower.cancel()
  instance.follow(promptId, live.job.id, (event) => follower.hear(event))
  let isReleased = false
  const release = () => {
    if (!isReleased) context.release()
    isReleased = true
  }
  try {
    if (mode === 'submit') {
      const early = await submit(live, follower, followed, context)
      if (early) return early
    } else if (live.isCancelRequested) follower.cancel()
    const verdict = await follower.verdict
    release()
    const result = await conclude(verdict, live, context, socketImages)
    return result.kind === 'lost' && socketImages.areExpected ? { ...result, isSpent: true } : result
  } catch (error) {
    return failureOf(error)
  } finally {
    live.stopAttempt = undefined
    tracked.untrack()
    for (const id of followed) instance.unfollow(id)
    release()
  }
}

/** Uploads and submits. A result here is the end of the attempt; without one the follower finds out. */
async function submit(
  live: LiveJob,
  follower: PromptFollower,
  followed: string[],
  context: AttemptContext,
): Promise<AttemptResult | undefined> {
  const { instance } = context
  let prompt: Prompt
  const uploading = new AbortController()
  live.stopAttempt = () => uploading.abort()
  try {
    const { inputFiles } = live.payload
    prompt = await uploadInputs(live.payload.prompt, inputFiles, { ...context, signal: uploading.signal })
  } catch (error) {
    if (uploading.signal.aborted) return { kind: 'canceled' }
    const result =
      error instanceof ComfyuiError && error.reason === 'unreachable' ? lost(error.message, false) : failureOf(error)
    // One that takes no input may be right about it; one that breaks off is not.
    if (result.kind === 'lost') instance.noteFailure(result.error.message)
    return result
  } finally {
    live.stopAttempt = () => follower.cancel()
  }
  if (live.isCancelRequested) return { kind: 'canceled' }
  const heardBefore = instance.heardMessages
  try {
    if (live.job.attempt > 1 && (await hasGoodCopy(live, instance))) {
      // It was lost sight of and has it all the same.
      follower.markFound()
      return undefined
    }
    const answer = await instance.client.submitPrompt(submitBody(live, instance, withFreshSenders(prompt)))
    if (answer.kind === 'refused') {
      const error = await explainRefusal(answer, context.nameParameters, prompt)
      if (!forgetMissingUploads(answer.nodeErrors, live, instance)) return { kind: 'failed', error }
      instance.noteFailure('An input that was uploaded is not there.')
      return { kind: 'lost', error, mayHaveRun: true }
    }
    context.onSubmitted()
    const isRenamed = answer.promptId !== live.job.promptId
    if (isRenamed) {
      followed.push(answer.promptId)
      instance.follow(answer.promptId, live.job.id, (event) => follower.hear(event))
      follower.rename(answer.promptId)
      context.onPromptId(answer.promptId)
    }
    instance.noteSubmitted(heardBefore)
    if (isRenamed) follower.markFound()
    else follower.markSubmitted('accepted')
    if (fieldErrorsOf(answer.nodeErrors).length > 0) return await refusePartly(answer.nodeErrors, follower, context)
    return undefined
  } catch (error) {
    if (!(error instanceof ComfyuiError)) throw error
    if (error.reason === 'unreachable') {
      instance.noteFailure(error.message)
      return lost(error.message, false)
    }
    follower.markSubmitted('unknown')
    return undefined
  }
}

/** Waits, runs or succeeded there. What failed there is worth another run. */
async function hasGoodCopy({ job }: LiveJob, instance: Instance): Promise<boolean> {
  const found = await instance.client.lookUp(job.promptId)
  return found.state === 'ended' ? found.ending.outcome === 'success' : found.state !== 'absent'
}

/**
 * Whether a refusal is about files that were uploaded. Loaders refuse a file only when it is not there, so it was lost
 * since: it has to be uploaded again.
 */
function forgetMissingUploads(
  nodeErrors: Parameters<typeof fieldErrorsOf>[0],
  { payload: { prompt, inputFiles } }: LiveJob,
  instance: Instance,
): boolean {
  const refused = new Set(
    fieldErrorsOf(nodeErrors).map(({ node }) => prompt[node?.id ?? '']?.inputs[node?.input ?? '']),
  )
  const missing = inputFiles.filter(({ name }) => refused.has(name))
  for (const { name } of missing) instance.uploadedInputs.delete(name)
  return missing.length > 0
}

/** ComfyUI runs the good outputs of a partly bad prompt. A typed workflow is wanted whole: stop it and say what is wrong. */
async function refusePartly(
  nodeErrors: Parameters<typeof fieldErrorsOf>[0],
  follower: PromptFollower,
  context: AttemptContext,
): Promise<AttemptResult> {
  follower.cancel()
  await follower.verdict
  const error = await explainRefusal(partlyRefused(nodeErrors), context.nameParameters)
  return { kind: 'failed', error }
}

function submitBody(live: LiveJob, instance: Instance, prompt: Prompt): string {
  const { previews, pngInfo } = live.payload
  return JSON.stringify({
    prompt,
    prompt_id: live.job.promptId,
    client_id: instance.clientId,
    extra_data: {
      preview_method: previews ? 'auto' : 'none',
      ...(pngInfo !== undefined && { extra_pnginfo: pngInfo }),
      comfyui_api: markOf(live.job),
    },
  })
}

/** ComfyUI shows it in its queue and history and does nothing else with it: only `extra_pnginfo` gets into files. */
function markOf({ id, requestId, workflow, traceparent }: Job): Record<string, string> {
  return {
    job_id: id,
    request_id: requestId,
    workflow,
    ...(traceparent !== undefined && { trace_id: traceIdOf(traceparent) }),
  }
}

async function conclude(
  verdict: Verdict,
  live: LiveJob,
  context: AttemptContext,
  socketImages: SocketImages,
): Promise<AttemptResult> {
  const { instance } = context
  switch (verdict.kind) {
    case 'success': {
      if (socketImages.areTooLarge) return { kind: 'failed', error: socketImagesTooLarge }
      const missing = socketImages.whyMissing(verdict)
      if (missing !== undefined) return lost(missing, true)
      return keepOutputs(socketImages.amongOutputs(verdict.outputs), live, context, socketImages)
    }
    case 'error':
      return { kind: 'failed', error: jobErrorOfNodeFailure(verdict.failure) }
    case 'interrupted':
      if (live.isCancelRequested) return { kind: 'canceled' }
      return {
        kind: 'failed',
        error: { code: 'canceled_upstream', message: 'The job was interrupted on its instance.' },
      }
    case 'removed':
      return { kind: 'canceled' }
    case 'timed_out':
      if (!verdict.isStopped) instance.noteStuck(live.job.promptId)
      return { kind: 'expired', error: { code: 'deadline_exceeded', message: verdict.reason } }
    case 'worker_died':
      instance.noteStuck(live.job.promptId)
      return lost('ComfyUI began the job and then did nothing any more.', true)
    case 'lost':
      if (verdict.mayHaveRun) instance.noteFailure(verdict.reason)
      instance.noteStray(live.job.promptId)
      return lost(verdict.reason, verdict.mayHaveRun)
    default:
      return verdict satisfies never
  }
}

/** Copies what the prompt produced. Until all of it is there the job can still be canceled. */
async function keepOutputs(
  outputs: Extract<Verdict, { kind: 'success' }>['outputs'],
  live: LiveJob,
  { instance, outputs: store, images, onOutput, hooks }: AttemptContext,
  socketImages: SocketImages,
): Promise<AttemptResult> {
  const executedAtMs = Date.now()
  const { convertOutput: conversion, outputMetadata, intermediateOutputs = false } = live.payload
  const stopping = new AbortController()
  const { tap } = live
  live.stopAttempt = () => {
    stopping.abort()
    // It may be what the transfer waits for.
    tap?.fail()
  }
  try {
    const stored = await storeOutputs({
      jobId: live.job.id,
      workflow: live.job.workflow,
      outputs,
      outputNames: live.payload.outputNames,
      withIntermediate: intermediateOutputs,
      openFile: (found) => openMedium(found, instance, socketImages, stopping.signal),
      ...(conversion !== undefined && { convertImage: (image) => images.convert(image, conversion) }),
      stripsMetadata: outputMetadata === 'strip',
      store,
      tap,
      onStored: onOutput,
      onWarning: (text) => hooks.warning(text),
    })
    instance.noteSuccess()
    return { kind: 'succeeded', outputs: stored, executedAtMs }
  } catch (error) {
    if (stopping.signal.aborted) return { kind: 'canceled' }
    if (!(error instanceof ComfyuiError)) return failureOf(error)
    // A file that is not there may also be named wrongly by the workflow.
    if (error.status !== 404) instance.noteFailure(error.message)
    return { kind: 'lost', error: jobErrorOf(error), mayHaveRun: true }
  }
}

async function openMedium(
  found: FoundMedium,
  { client }: Instance,
  socketImages: SocketImages,
  signal: AbortSignal,
): Promise<OpenedFile> {
  switch (found.kind) {
    case 'file':
      return client.openFile(found, signal)
    case 'held':
      return client.openHeldImage(found.heldId, signal)
    case 'socket':
      return { body: socketImages.get(found.nodeId, found.position) ?? Buffer.alloc(0) }
    default:
      return found satisfies never
  }
}

const socketImagesTooLarge: JobError = {
  code: 'upstream_error',
  message: 'The images that came over the socket are too large to be held. Save them with SaveImage instead.',
}

function lost(reason: string, mayHaveRun: boolean): AttemptResult {
  return { kind: 'lost', error: { code: 'instance_lost', message: reason }, mayHaveRun }
}

function jobErrorOf({ reason, message }: ComfyuiError): JobError {
  return { code: reason === 'bad_answer' ? 'upstream_error' : 'instance_lost', message }
}

function failureOf(error: unknown): AttemptResult {
  if (error instanceof ComfyuiError) {
    // What an instance answers to is about the job, unless it says that it is in trouble itself.
    const isRefusal = error.reason === 'bad_answer' && !(error.status !== undefined && error.status >= 500)
    if (isRefusal) return { kind: 'failed', error: jobErrorOf(error) }
    return { kind: 'lost', error: jobErrorOf(error), mayHaveRun: true }
  }
  if (error instanceof GatewayError) return { kind: 'failed', error: { code: error.code, message: error.detail } }
  throw error
}
