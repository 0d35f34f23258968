import type { ComfyuiClient } from '../comfyui/comfyui-client.ts'
import type { SystemStats } from '../comfyui/wire/answers.ts'

/** A device that an instance computes with. */
export interface InstanceDevice {
  readonly name: string
  readonly vramTotalBytes: number | undefined
  readonly vramFreeBytes: number | undefined
}

/** They are not asked for more often, but for new connections. */
const freshForMs = 10_000

/** What an instance says of itself. */
export class InstanceStats {
  readonly #client: Pick<ComfyuiClient, 'probe'>
  #stats: SystemStats | undefined
  #askedAtMs = 0
  #isAsking = false

  constructor(client: Pick<ComfyuiClient, 'probe'>) {
    this.#client = client
  }

  get version(): string | undefined {
    return this.#stats?.system.comfyui_version ?? undefined
  }

  get devices(): readonly InstanceDevice[] {
    return (this.#stats?.devices ?? []).map((device) => ({
      name: device.name,
      vramTotalBytes: device.vram_total ?? undefined,
      vramFreeBytes: device.vram_free ?? undefined,
    }))
  }

  /** Memory of its largest device, 0 while it is not known. */
  get vramBytes(): number {
    return Math.max(0, ...(this.#stats?.devices ?? []).map((device) => device.vram_total ?? 0))
  }

  /** @throws ComfyuiError when it does not answer as ComfyUI does */
  async ask(): Promise<void> {
    this.#askedAtMs = Date.now()
    this.#stats = await this.#client.probe()
  }

  /** Asks in the background, unless that was done a moment ago. Without an answer all stays as it was. */
  refresh(nowMs: number): void {
    if (this.#isAsking || nowMs - this.#askedAtMs < freshForMs) return
    this.#isAsking = true
    const done = () => {
      this.#isAsking = false
    }
    this.ask().then(done, done)
  }
}
