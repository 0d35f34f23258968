import type { ComfyuiClient } from '../comfyui/comfyui-client.ts'
import { type NodeCatalogue, readNodeCatalogue, withDefinitions } from '../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../comfyui/wire/node-packs.ts'
import { ObjectInfoError } from '../comfyui/wire/object-info-error.ts'
import { withinTime } from '../lib/within-time.ts'
import { hasFileLists, withoutUploads } from './file-lists.ts'

export interface InstanceNodesOptions {
  readonly client: Pick<ComfyuiClient, 'objectInfo' | 'objectInfoOf' | 'replacedClasses' | 'nodePacks'>
  /** What the server told to be; undefined while it has not. */
  readonly version: () => string | undefined
  /** An equal catalogue that is kept already, or this one. */
  readonly share: (catalogue: NodeCatalogue) => NodeCatalogue
  /** Classes whose lists of files are looked at while the instance is connected. */
  readonly watchedClasses: () => Iterable<string>
  /** Time between two looks. */
  readonly intervalMs: number
  /** All nodes were read, or lists of them have changed. */
  readonly onRead: () => void
}

const noPacks: NodePackLookup = () => undefined
/** The table has some megabytes. Who has not told it by then has none in this connection. */
const packsTimeoutMs = 10_000
/** A class is asked for at most once in this time, however often somebody wants it anew. */
const freshForMs = 3000

/**
 * The node classes of one instance, kept as they are: all are read when it connects, and later the lists of files of the
 * classes that workflows use. All of them at once are slow for ComfyUI, which serves nothing meanwhile; one is cheap.
 */
export class InstanceNodes {
  readonly #options: InstanceNodesOptions
  readonly #asked = new Map<string, { readonly atMs: number; readonly answer: Promise<void> }>()
  #catalogue: NodeCatalogue | undefined
  #packs: Promise<NodePackLookup> | undefined
  #failure: string | undefined
  #lookFailure: string | undefined
  #reading: Promise<void> | undefined
  #nextLook: NodeJS.Timeout | undefined
  /** Counts connections; answers of an earlier one do not count. Undefined while there is none. */
  #connection: symbol | undefined

  constructor(options: InstanceNodesOptions) {
    this.#options = options
  }

  /** What it told last, also while it is away; undefined as long as it has not told anything. */
  get catalogue(): NodeCatalogue | undefined {
    return this.#catalogue
  }

  /** The first answer is on its way: soon more will be known. */
  get isFirstRead(): boolean {
    return this.#catalogue === undefined && this.#reading !== undefined
  }

  /** Why nothing is known, or why what is known is old. */
  get failure(): string | undefined {
    return this.#failure ?? this.#lookFailure
  }

  /** The instance is connected anew: reads everything, and looks for changes from then on. */
  async connect(): Promise<void> {
    this.disconnect()
    this.#connection = Symbol('connection')
    await this.readAll()
  }

  /** Asks nothing until it is connected again. */
  disconnect(): void {
    this.#connection = undefined
    this.#reading = undefined
    this.#packs = undefined
    this.#asked.clear()
    clearTimeout(this.#nextLook)
  }

  /** Reads all nodes anew, if it is connected. Never rejects: without an answer all stays as it was. */
  readAll(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined) return Promise.resolve()
    this.#reading ??= this.#read(connection)
    return this.#reading
  }

  /** Asks for the lists of some classes anew, those that were not asked for a moment ago. Never rejects. */
  async refreshLists(classTypes: Iterable<string>, timeoutMs: number): Promise<void> {
    await withinTime(Promise.all([...new Set(classTypes)].map((classType) => this.#refresh(classType))), timeoutMs)
  }

  /** Which pack has a class, as its ComfyUI-Manager knows it. Asked for once in each connection. Never rejects. */
  packs(): Promise<NodePackLookup> {
    if (this.#connection === undefined) return Promise.resolve(noPacks)
    this.#packs ??= withinTime(this.#options.client.nodePacks(), packsTimeoutMs).then(
      (packs) => packs ?? noPacks,
      () => noPacks,
    )
    return this.#packs
  }

  async #read(connection: symbol): Promise<void> {
    const { client, version, share, onRead } = this.#options
    try {
      const [told, replaced] = await Promise.all([client.objectInfo(), client.replacedClasses().catch(() => [])])
      if (connection !== this.#connection) return
      const comfyuiVersion = version()
      const source = comfyuiVersion === undefined ? 'ComfyUI' : `ComfyUI ${comfyuiVersion}`
      const objectInfo = withReplaced(withoutUploads(told), replaced)
      this.#catalogue = share(readNodeCatalogue(objectInfo, { source, comfyuiVersion }))
      this.#failure = undefined
    } catch (error) {
      if (connection !== this.#connection) return
      this.#failure = `its nodes are not known: ${describeFailure(error)}`
    }
    this.#reading = undefined
    this.#lookLater(connection, Math.random() * this.#options.intervalMs)
    onRead()
  }

  /** The first look comes at any time of the interval, so that instances are not all asked at once. */
  #lookLater(connection: symbol, pauseMs: number): void {
    clearTimeout(this.#nextLook)
    this.#nextLook = setTimeout(() => void this.#look(connection), pauseMs)
    this.#nextLook.unref()
  }

  async #look(connection: symbol): Promise<void> {
    if (this.#catalogue === undefined) {
      await this.readAll()
      return
    }
    this.#lookFailure = undefined
    try {
      for (const classType of new Set(this.#options.watchedClasses())) {
        if (connection !== this.#connection) return
        const definition = this.#catalogue.lookUp(classType)
        if (definition !== undefined && hasFileLists(classType, definition)) await this.#refresh(classType)
      }
    } catch (error) {
      // What was known before stands, and the next look may go well.
      this.#lookFailure = `its lists could not be read again: ${describeFailure(error)}`
    }
    if (connection === this.#connection) this.#lookLater(connection, this.#options.intervalMs)
  }

  #refresh(classType: string): Promise<void> {
    const connection = this.#connection
    // Classes come only with a restart, and are read then.
    if (connection === undefined || this.#catalogue?.lookUp(classType) === undefined) return Promise.resolve()
    const last = this.#asked.get(classType)
    const forMs = Math.min(freshForMs, this.#options.intervalMs)
    if (last !== undefined && Date.now() - last.atMs < forMs) return last.answer
    const answer = this.#ask(classType, connection)
    this.#asked.set(classType, { atMs: Date.now(), answer })
    return answer
  }

  async #ask(classType: string, connection: symbol): Promise<void> {
    const { client, share, onRead } = this.#options
    try {
      const told = await client.objectInfoOf(classType)
      if (connection !== this.#connection || this.#catalogue === undefined) return
      const changed = withDefinitions(this.#catalogue, withoutUploads(told))
      if (changed === this.#catalogue) return
      this.#catalogue = share(changed)
    } catch {
      // What was known before stands. That the instance is in trouble shows elsewhere.
      return
    }
    onRead()
  }
}

function describeFailure(error: unknown): string {
  if (error instanceof ObjectInfoError) return `GET /object_info is ${error.found}`
  return error instanceof Error ? error.message : String(error)
}

/** With classes that the server replaces by others before it judges a prompt: nothing is known of what they take. */
function withReplaced(
  objectInfo: Readonly<Record<string, unknown>>,
  replaced: readonly string[],
): Readonly<Record<string, unknown>> {
  if (Object.keys(objectInfo).length === 0) return objectInfo
  const others = replaced.filter((classType) => !Object.hasOwn(objectInfo, classType))
  return { ...objectInfo, ...Object.fromEntries(others.map((classType) => [classType, null])) }
}
