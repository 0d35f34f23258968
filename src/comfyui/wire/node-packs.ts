import { z } from 'zod'

/*
 * The table of ComfyUI-Manager that says which pack of custom nodes has a class: `GET /customnode/getmappings?mode=local`
 * of Manager 3, `/v2/customnode/getmappings?mode=local` of Manager 4.
 */

/** Where the table is, the newer route first. `local` is the list that came with the Manager: it asks no other server. */
export const nodePackRoutes = ['/v2/customnode/getmappings?mode=local', '/customnode/getmappings?mode=local'] as const

/** A pack of custom nodes and where it can be had. */
export interface NodePack {
  /** Its id in the ComfyUI registry, or where it has none its name. */
  readonly pack: string
  readonly url?: string
  /** Other packs that say they have the class too. */
  readonly others?: readonly string[]
}

/** Which pack has a class; undefined when no known one does. */
export type NodePackLookup = (classType: string) => NodePack | undefined

/** Id or address of a pack → its classes, and what else is known of it. */
const tableSchema = z.record(z.string(), z.unknown())
const entrySchema = z.tuple([
  z.array(z.unknown()),
  z.looseObject({
    title_aux: z.string().optional().catch(undefined),
    nodename_pattern: z.string().optional().catch(undefined),
    preemptions: z.array(z.unknown()).optional().catch(undefined),
  }),
])

/** ComfyUI itself stands in the table too. */
const core = /^https:\/\/github\.com\/(comfyanonymous|comfy-org)\/comfyui(\.git)?$/i
const maxNameLength = 200
const maxOthers = 3

interface Claim {
  readonly pack: NodePack
  /** The pack is the one that is meant, whoever else has a class of this name. */
  readonly isPreemptive: boolean
}

/** Reads the table of ComfyUI-Manager. Entries that cannot be understood are left out. */
export function readNodePacks(answer: unknown): NodePackLookup {
  const table = tableSchema.safeParse(answer)
  const claims = new Map<string, Claim[]>()
  const patterns: { readonly pattern: RegExp; readonly pack: NodePack }[] = []
  for (const [key, value] of Object.entries(table.data ?? {})) {
    const entry = entrySchema.safeParse(value)
    if (!entry.success || core.test(key)) continue
    const [classTypes, { title_aux: title, nodename_pattern: pattern, preemptions = [] }] = entry.data
    const pack = describePack(key, title)
    const preemptive = new Set(preemptions)
    for (const classType of new Set(classTypes)) {
      if (typeof classType !== 'string') continue
      const claim = { pack, isPreemptive: preemptive.has(classType) }
      const others = claims.get(classType)
      if (others === undefined) claims.set(classType, [claim])
      else others.push(claim)
    }
    const compiled = pattern === undefined ? undefined : compile(pattern)
    if (compiled !== undefined) patterns.push({ pattern: compiled, pack })
  }
  return (classType) => {
    const found = claims.get(classType)
    if (found !== undefined) return choose(found)
    if (classType.length > maxNameLength) return undefined
    return patterns.find(({ pattern }) => pattern.test(classType))?.pack
  }
}

function choose(claims: readonly Claim[]): NodePack | undefined {
  const first = claims.find(({ isPreemptive }) => isPreemptive) ?? claims[0]
  if (first === undefined) return undefined
  const others = claims.filter((claim) => claim !== first).map(({ pack }) => pack.pack)
  return others.length === 0 || first.isPreemptive ? first.pack : { ...first.pack, others: others.slice(0, maxOthers) }
}

function describePack(key: string, title: string | undefined): NodePack {
  if (!/^https?:/.test(key)) return { pack: key }
  const name = key
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
    .at(-1)
  return { pack: title ?? name ?? key, url: key }
}

/** As the page of the Manager uses them: anywhere in the name. A mere word, such as `Hunyuan`, says nothing. */
function compile(pattern: string): RegExp | undefined {
  if (!/^\(?\^|\$$/.test(pattern)) return undefined
  try {
    return new RegExp(pattern)
  } catch {
    return undefined
  }
}
