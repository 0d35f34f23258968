import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import { Instance, type InstanceOptions, type InstanceView } from './instance.ts'
import { pickInstance } from './pick-instance.ts'

export interface InstancePoolOptions extends Omit<
  InstanceOptions,
  'url' | 'headers' | 'onAvailable' | 'onReady' | 'onStateChanged'
> {
  readonly instances: readonly { readonly url: URL; readonly headers: Readonly<Record<string, string>> }[]
  readonly onStateChanged: (view: InstanceView) => void
}

/** All instances the gateway may use. */
export interface InstancePool {
  /** The instance that should take a prompt which loads these models, its place already reserved; `undefined` while none can. */
  take(models: string): Instance | undefined
  /** The instance of this id, whatever its state. */
  find(id: string): Instance | undefined
  /** An instance that knows the prompt. Those that cannot be asked are taken not to. */
  findHolder(promptId: string): Promise<Instance | undefined>
  /** True while at least one instance is reachable, or was a moment ago. */
  readonly isUsable: boolean
  views(): InstanceView[]
  /** Called when a place may have become free. One listener. */
  onAvailable(listener: () => void): void
  /** Called when an instance's connection stands anew. One listener. */
  onReady(listener: (instance: Instance) => void): void
  close(): Promise<void>
}

/** How long after the start instances that were not reached yet count as reachable. */
const startGraceMs = 10_000

/** Connects to all instances at once; none has to be up. */
export function createInstancePool(options: InstancePoolOptions): InstancePool {
  const startedAtMs = Date.now()
  let available = () => {}
  let ready: (instance: Instance) => void = () => {}
  const instances = options.instances.map(
    ({ url, headers }) =>
      new Instance({
        ...options,
        url,
        headers,
        onAvailable: () => available(),
        onReady: (instance) => ready(instance),
        onStateChanged: (instance) => options.onStateChanged(instance.view()),
      }),
  )

  return {
    take(models) {
      const instance = pickInstance(instances, models)
      instance?.reserve(models)
      return instance
    },
    find: (id) => instances.find((instance) => instance.id === id),
    async findHolder(promptId) {
      const holders = await Promise.all(
        instances.map(async (instance) => {
          try {
            return (await instance.client.lookUp(promptId)).state === 'absent' ? undefined : instance
          } catch (error) {
            if (error instanceof ComfyuiError) return undefined
            throw error
          }
        }),
      )
      return holders.find((holder) => holder !== undefined)
    },
    get isUsable() {
      if (Date.now() - startedAtMs < startGraceMs) return true
      return instances.some(({ state }) => state === 'ready' || state === 'reconnecting')
    },
    views: () => instances.map((instance) => instance.view()),
    onAvailable(listener) {
      available = listener
    },
    onReady(listener) {
      ready = listener
    },
    async close() {
      await Promise.all(instances.map((instance) => instance.close()))
    },
  }
}
