import type { SaladModules } from '../salad/salad-modules.ts'
import type { HostModules } from './host-modules.ts'

/* Modules of this process as sources that a loader can give: they find what they export under a key of `globalThis`. */

export interface SharedModules {
  readonly modules: HostModules
  readonly salad: () => SaladModules
}

/** Lets the sources below find these modules, until `unshareHostModules`. @param key of one loader */
export function shareHostModules(key: string, shared: SharedModules): void {
  Reflect.set(globalThis, Symbol.for(key), shared)
}

export function unshareHostModules(key: string): void {
  Reflect.deleteProperty(globalThis, Symbol.for(key))
}

/** A module with the exports of a namespace. */
export function hostModuleSource(key: string, specifier: string, namespace: object): string {
  const names = Object.keys(namespace).filter((name) => name !== 'default' && /^[A-Za-z_$][\w$]*$/.test(name))
  return [
    `const host = globalThis[Symbol.for('${key}')].modules[${JSON.stringify(specifier)}]`,
    ...names.map((name, index) => `const _${index} = host.${name}; export { _${index} as ${name} }`),
    `export default 'default' in host ? host.default : host`,
  ].join('\n')
}

/**
 * `../config` or `../types`, made with the Zod of the module that imports it: schemas of two generations do not mix.
 *
 * @param url ends in the name of the module; its query has the URL of Zod
 */
export function saladModuleSource(key: string, { pathname, searchParams }: URL): string {
  const name = pathname.split('/').at(-1)
  return [
    `import * as zod from ${JSON.stringify(searchParams.get('zod'))}`,
    `const module = globalThis[Symbol.for('${key}')].salad()`,
    ...(name === 'config'
      ? [`export default module.config(zod.z ?? zod.default.z)`]
      : [`export const { ComfyNodeSchema, isWorkflow } = module.types(zod.z ?? zod.default.z)`]),
  ].join('\n')
}
