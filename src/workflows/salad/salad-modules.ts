import type { KnownNames } from './known-names.ts'

/** What modules import as `../config` and `../types` from Salad's comfyui-api, of which they once were a part. */
export interface SaladModules {
  readonly config: (zod: ZodLike) => SaladConfig
  readonly types: (zod: ZodLike) => Readonly<Record<string, unknown>>
  /** Another one when `config` would be another. */
  readonly version: string
}

/** The part of Zod that is used here, alike in Zod 3 and Zod 4. */
export interface ZodLike {
  enum(values: readonly string[]): object
  string(): { min(length: number): object }
  any(): { optional(): object }
  object(shape: Readonly<Record<string, object>>): object
}

interface SaladModelList {
  readonly all: readonly string[]
  readonly enum: object
}

interface SaladConfig {
  readonly samplers: object
  readonly schedulers: object
  readonly models: Readonly<Record<string, SaladModelList>>
  readonly warmupCkpt: string | undefined
}

export interface SaladModulesOptions {
  readonly names: KnownNames
  /** The default of `checkpoint` parameters that are written so. */
  readonly warmupCheckpoint: string | undefined
}

/** Which of the two an import means, from however deep: in Salad's comfyui-api all modules are evaluated at one place. */
export function saladNameOf(specifier: string): 'config' | 'types' | undefined {
  const name = /^(?:\.\.\/)+(config|types)(?:\.m?[jt]s)?$/.exec(specifier)?.[1]
  return name === 'config' || name === 'types' ? name : undefined
}

/** Makes the two modules from what is known now. They hold schemas, so each generation of Zod gets its own. */
export function createSaladModules({ names, warmupCheckpoint }: SaladModulesOptions): SaladModules {
  return {
    version: JSON.stringify([names.samplers, names.schedulers, [...names.models]]),
    config: (zod) => ({
      samplers: zod.enum(names.samplers),
      schedulers: zod.enum(names.schedulers),
      models: modelLists(zod, names.models),
      warmupCkpt: warmupCheckpoint,
    }),
    types: (zod) => ({
      ComfyNodeSchema: zod.object({ inputs: zod.any(), class_type: zod.any(), _meta: zod.any().optional() }),
      isWorkflow: (value: unknown) =>
        typeof value === 'object' && value !== null && 'RequestSchema' in value && 'generateWorkflow' in value,
    }),
  }
}

/** Every folder has a list. One of which nothing is known yet allows every name: whether it exists is seen at the run. */
function modelLists(zod: ZodLike, models: KnownNames['models']): Readonly<Record<string, SaladModelList>> {
  const known = new Map([...models].map(([folder, all]) => [folder, all.length === 0 ? anyName(zod) : oneOf(zod, all)]))
  const unknown = anyName(zod)
  return new Proxy(Object.fromEntries(known), {
    get: (_target, folder) => (typeof folder === 'string' ? (known.get(folder) ?? unknown) : undefined),
    has: () => true,
  })
}

function oneOf(zod: ZodLike, all: readonly string[]): SaladModelList {
  return { all: [...all], enum: zod.enum(all) }
}

function anyName(zod: ZodLike): SaladModelList {
  const all: string[] = []
  Object.defineProperty(all, 'includes', { value: () => true })
  return { all, enum: Object.assign(zod.string().min(1), { options: all, enum: {}, Enum: {}, Values: {} }) }
}
