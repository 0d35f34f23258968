import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../comfyui/wire/node-packs.ts'
import type { NodeDefinition } from '../comfyui/wire/object-info.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { withinTime } from '../lib/within-time.ts'
import { type MissingPart, missingParts } from './missing-parts.ts'
import { Instance, type InstanceModels, type InstanceOptions } from './instance.ts'
import type { InstanceState, InstanceView } from './instance-view.ts'
import { pickInstance } from './pick-instance.ts'

/** Where an instance answers. */
export interface InstanceAddress {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
}

export interface InstancePoolOptions extends Omit<
  InstanceOptions,
  'url' | 'headers' | 'onAvailable' | 'onReady' | 'onStateChanged' | 'onNodesRead' | 'nodes'
> {
  readonly instances: readonly InstanceAddress[]
  /** Classes whose lists of files are kept as they are; see `InstanceNodes`. None when absent. */
  readonly watchedClasses?: () => Iterable<string>
  /** Time between two looks at these lists. */
  readonly listIntervalMs?: number | undefined
  /** What an instance told of its nodes is another than before, or is known for the first time. */
  readonly onNodesRead?: () => void
  readonly onStateChanged: (view: InstanceView) => void
}

/** A prompt that looks for an instance. */
export interface WaitingPrompt {
  readonly prompt: Prompt
  /** See `modelsOf`. */
  readonly models: string
  /** It ran out of memory before. */
  readonly wantsMemory: boolean
}

/** A set of node classes, and the instances that have exactly this one. */
export interface SharedCatalogue {
  readonly catalogue: NodeCatalogue
  /** Their ids. */
  readonly instances: readonly string[]
}

/** What an instance is known to have. */
export interface InstanceCatalogue {
  readonly id: string
  readonly state: InstanceState
  /** Undefined while it is not known. */
  readonly catalogue: NodeCatalogue | undefined
  /** It is about to tell it. */
  readonly isFirstRead: boolean
}

/** Whether an instance could run a prompt. */
export interface InstanceReadiness {
  readonly id: string
  readonly state: InstanceState
  /** Empty when it has everything; `undefined` while that is not known. */
  readonly lacks: readonly MissingPart[] | undefined
}

/** All instances the gateway may use. */
export interface InstancePool {
  /** The instance that should take a prompt, its place already reserved; `undefined` while it has to wait. */
  take(waiting: WaitingPrompt): Instance | undefined
  /** Whether any instance has a free place. */
  readonly hasRoom: boolean
  /** The instance of this id, whatever its state. */
  find(id: string): Instance | undefined
  /** An instance that knows the prompt. Those that cannot be asked are taken not to. */
  findHolder(promptId: string): Promise<Instance | undefined>
  /** True while at least one instance is reachable, or was a moment ago. */
  readonly isUsable: boolean
  views(): InstanceView[]
  /** Has `views` tell the free memory of all instances anew in a moment. */
  refreshStats(): void
  /** What models each one has. Asks those that told a while ago, and waits a few seconds for them. Never throws. */
  models(): Promise<InstanceModels[]>
  /** What an instance tells of a node class; `undefined` when none knows it. */
  definition(classType: string): NodeDefinition | undefined
  /**
   * The different sets of nodes that jobs can count on: of instances that are connected, and of those that were a few
   * minutes ago; only where there is no such instance, of those that are away for longer. Empty while none is known.
   */
  catalogues(): readonly SharedCatalogue[]
  /** Some instance may turn out to have what no other has: it is about to tell, or cannot tell but takes jobs. */
  readonly isLearning: boolean
  /** What each one is known to have, in the order of the configuration. */
  nodes(): readonly InstanceCatalogue[]
  /**
   * Has all connected instances tell the lists of these classes anew, but for those that did a few seconds ago. Waits a
   * moment for them. Never throws.
   */
  refreshLists(classTypes: Iterable<string>): Promise<void>
  /** Which pack of custom nodes has a class, as far as an instance with ComfyUI-Manager knows it. Never throws. */
  nodePacks(): Promise<NodePackLookup>
  /** Has all connected instances tell all of their nodes anew. Never throws. */
  refreshNodes(): Promise<void>
  /** What each one lacks of the prompt, as far as it is known; nothing is asked for. */
  readiness(prompt: Prompt): InstanceReadiness[]
  readonly readyCount: number
  /** Gives an instance no more jobs, until `resume`. `undefined` when there is none of this id. */
  drain(id: string): InstanceView | undefined
  resume(id: string): InstanceView | undefined
  /** Tells every new state of an instance from now on. */
  subscribe(listener: (view: InstanceView) => void): { close(): void }
  /**
   * Replaces the instances by those at these addresses: new ones are connected, those that are gone get no more jobs
   * and are let go when they are empty.
   */
  replace(addresses: readonly InstanceAddress[]): void
  /** To be called a few times a second. */
  tick(nowMs: number): void
  /** Called when a place may have become free. One listener. */
  onAvailable(listener: () => void): void
  /** Called when an instance's connection stands anew. One listener. */
  onReady(listener: (instance: Instance) => void): void
  close(): Promise<void>
}

/** An instance that does not answer for this long holds up nobody who waits for a free one. */
const holderTimeoutMs = 5000
/** An instance that is slower tells its models to the next who asks. */
const modelsTimeoutMs = 5000
/** Lists that come later are known to the next who asks. */
const listsTimeoutMs = 1500
const defaultListIntervalMs = 30_000
/** How long after the start instances that were not reached yet count as reachable. */
const startGraceMs = 10_000

/** Connects to all instances at once; none has to be up. */
export function createInstancePool(options: InstancePoolOptions): InstancePool {
  const startedAtMs = Date.now()
  let available = () => {}
  let ready: (instance: Instance) => void = () => {}
  const listeners = new Set<(view: InstanceView) => void>()
  let instances = options.instances.map(connect)
  /** Removed from the configuration, but not yet empty. */
  const leaving = new Set<Instance>()

  function connect({ url, headers }: InstanceAddress): Instance {
    return new Instance({
      ...options,
      url,
      headers,
      nodes: {
        share,
        watchedClasses: options.watchedClasses ?? (() => []),
        intervalMs: options.listIntervalMs ?? defaultListIntervalMs,
      },
      onNodesRead: () => {
        options.onNodesRead?.()
        // A prompt may have waited for the answer.
        available()
      },
      onAvailable: () => available(),
      onReady: (instance) => ready(instance),
      onStateChanged: (instance) => {
        const view = instance.view()
        options.onStateChanged(view)
        for (const listener of listeners) listener(view)
      },
    })
  }

  /** Where all can run the same there is nothing to compare. */
  function areAlike(): boolean {
    const [first] = instances
    return instances.every(({ catalogue }) => catalogue === first?.catalogue)
  }

  /** Equal catalogues are one object, however many instances have them. */
  function share(fresh: NodeCatalogue): NodeCatalogue {
    const all = [...instances, ...leaving]
    return all.find(({ catalogue }) => catalogue?.fingerprint === fresh.fingerprint)?.catalogue ?? fresh
  }

  function letGo(instance: Instance): void {
    leaving.delete(instance)
    void instance.close()
  }

  return {
    take({ prompt, models, wantsMemory }) {
      const canRun = areAlike() ? () => true : (instance: Instance) => instance.canRun(prompt)
      const instance = pickInstance(instances, { models, canRun, wantsMemory })
      instance?.reserve(models)
      return instance
    },
    get hasRoom() {
      return instances.some(({ isUsable, inFlight, capacity }) => isUsable && inFlight < capacity)
    },
    find: (id) => instances.find((instance) => instance.id === id),
    async findHolder(promptId) {
      const holders = await Promise.all(
        instances.map(async (instance) => {
          try {
            const found = await withinTime(instance.client.lookUp(promptId), holderTimeoutMs)
            return found === undefined || found.state === 'absent' ? undefined : instance
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
    get readyCount() {
      return instances.filter(({ state }) => state === 'ready').length
    },
    views: () => [...instances, ...leaving].map((instance) => instance.view()),
    models: () => Promise.all(instances.map((instance) => instance.models(modelsTimeoutMs))),
    catalogues() {
      const expected = instances.filter(({ isExpected, catalogue }) => isExpected && catalogue !== undefined)
      const byCatalogue = new Map<NodeCatalogue, string[]>()
      for (const { id, catalogue } of expected.length > 0 ? expected : instances) {
        if (catalogue === undefined) continue
        const sharers = byCatalogue.get(catalogue)
        if (sharers === undefined) byCatalogue.set(catalogue, [id])
        else sharers.push(id)
      }
      return [...byCatalogue].map(([catalogue, sharers]) => ({ catalogue, instances: sharers }))
    },
    get isLearning() {
      const isStarting = Date.now() - startedAtMs < startGraceMs
      return instances.some(
        ({ catalogue, state }) =>
          catalogue === undefined && (state === 'ready' || (isStarting && state === 'connecting')),
      )
    },
    nodes: () => instances.map(({ id, state, catalogue, isFirstRead }) => ({ id, state, catalogue, isFirstRead })),
    async nodePacks() {
      const tables = await Promise.all(instances.map((instance) => instance.nodePacks()))
      return (classType) => {
        for (const table of tables) {
          const pack = table(classType)
          if (pack !== undefined) return pack
        }
        return undefined
      }
    },
    async refreshLists(classTypes) {
      const wanted = [...classTypes]
      await Promise.all(instances.map((instance) => instance.refreshLists(wanted, listsTimeoutMs)))
    },
    async refreshNodes() {
      await Promise.all(instances.map((instance) => instance.readNodes()))
    },
    readiness: (prompt) =>
      instances.map(({ id, state, catalogue }) => ({
        id,
        state,
        lacks: catalogue && missingParts(catalogue, prompt),
      })),
    refreshStats() {
      const nowMs = Date.now()
      for (const instance of instances) instance.refreshStats(nowMs)
    },
    definition(classType) {
      for (const instance of instances) {
        const definition = instance.catalogue?.lookUp(classType)
        if (definition !== undefined) return definition
      }
      return undefined
    },
    drain(id) {
      const instance = instances.find((candidate) => candidate.id === id)
      instance?.drain()
      return instance?.view()
    },
    resume(id) {
      const instance = instances.find((candidate) => candidate.id === id)
      instance?.resume()
      return instance?.view()
    },
    subscribe(listener) {
      listeners.add(listener)
      return { close: () => void listeners.delete(listener) }
    },
    replace(addresses) {
      const wanted = new Set(addresses.map(({ url }) => url.href))
      const known = new Set(instances.map(({ href }) => href))
      for (const instance of instances) {
        if (wanted.has(instance.href)) continue
        instance.drain()
        leaving.add(instance)
      }
      instances = [
        ...instances.filter(({ href }) => wanted.has(href)),
        ...addresses.filter(({ url }) => !known.has(url.href)).map(connect),
      ]
    },
    tick(nowMs) {
      for (const instance of [...instances, ...leaving]) instance.tick(nowMs)
      for (const instance of leaving) if (instance.inFlight === 0) letGo(instance)
    },
    onAvailable(listener) {
      available = listener
    },
    onReady(listener) {
      ready = listener
    },
    async close() {
      await Promise.all([...instances, ...leaving].map((instance) => instance.close()))
    },
  }
}
