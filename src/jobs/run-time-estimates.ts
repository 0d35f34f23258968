import type { Prompt } from '../comfyui/wire/prompt.ts'

/** How much the last run counts against all before it. */
const weight = 0.3
const maxKeys = 2000

/**
 * Learns how long jobs take on an instance, by workflow and size. A size is what the sampler has to do: steps, pixels,
 * images and frames, to the nearest power of two, because that is what the time follows.
 */
export class RunTimeEstimates {
  readonly #means = new Map<string, number>()
  #overallMs: number | undefined

  learn(workflow: string, size: number, runMs: number): void {
    for (const key of [`${workflow} ${String(size)}`, workflow]) {
      const mean = this.#means.get(key)
      this.#means.delete(key)
      this.#means.set(key, mean === undefined ? runMs : mean + (runMs - mean) * weight)
    }
    this.#overallMs = this.#overallMs === undefined ? runMs : this.#overallMs + (runMs - this.#overallMs) * weight
    for (const oldest of this.#means.keys()) {
      if (this.#means.size <= maxKeys) break
      this.#means.delete(oldest)
    }
  }

  /** Of jobs of this workflow and size, else of this workflow, else of all; `undefined` before anything ran. */
  expectedMs(workflow: string, size: number): number | undefined {
    return this.#means.get(`${workflow} ${String(size)}`) ?? this.#means.get(workflow) ?? this.#overallMs
  }
}

/** Inputs whose product is the work of a prompt, by the names that core and the common packs give them. */
const sizeInputs = [
  'steps',
  'width',
  'height',
  'batch_size',
  'length',
  'frames',
  'megapixels',
  'upscale_by',
  'scale_by',
]

/** The size of a prompt as a power of two; equal for prompts that take about the same time. */
export function sizeOf(prompt: Prompt): number {
  let exponent = 0
  for (const name of sizeInputs) {
    let largest = 0
    for (const { inputs } of Object.values(prompt)) {
      const value = inputs[name]
      if (typeof value === 'number' && value > largest) largest = value
    }
    if (largest > 0) exponent += Math.log2(largest)
  }
  return Math.round(exponent)
}
