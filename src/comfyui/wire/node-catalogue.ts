import { createHash } from 'node:crypto'
import { parsePythonJson } from '../../lib/parse-python-json.ts'
import { coreClassTypes, coreNode, type CoreNodesVersion } from './core-nodes.ts'
import type { NodeDefinition, NodeLookup } from './object-info.ts'
import { describeText, findObjectInfo, ObjectInfoError } from './object-info-error.ts'
import { readDefinitions } from './read-definitions.ts'
import { promptRules, rulesOfObjectInfo, rulesOfVersion, type PromptRules } from './verdict/prompt-rules.ts'

/** The node classes of one ComfyUI, and how it decides about prompts. Shared by all who ask: not to be changed. */
export interface NodeCatalogue {
  readonly lookUp: NodeLookup
  /** In the order in which ComfyUI told them. */
  readonly classTypes: readonly string[]
  readonly rules: PromptRules
  /** Equal where everything is equal: classes, their inputs, the lists of models and files, and the rules. */
  readonly fingerprint: string
  /** For people: `ComfyUI 0.33.0 at http://…`, `object_info.json`, `the core nodes of ComfyUI 0.33.0`. */
  readonly source: string
  /** Whether lists of models and of input files are those of a server; otherwise they are empty and say nothing. */
  readonly knowsFiles: boolean
}

export interface ReadNodeCatalogueOptions {
  /** For people, see `NodeCatalogue.source`. */
  readonly source: string
  /** As `/system_stats` tells it. Where it is absent or odd the definitions tell by which rules they are judged. */
  readonly comfyuiVersion?: string | undefined
}

/**
 * Reads the answer of `GET /object_info`. Texts for people are dropped, and equal parts are kept once. A class whose
 * definition cannot be understood is there, but nothing is known of its inputs and outputs.
 * @throws ObjectInfoError when it is something else
 */
export function readNodeCatalogue(objectInfo: unknown, options: ReadNodeCatalogueOptions): NodeCatalogue {
  const classes = findObjectInfo(objectInfo, options.source)
  const { comfyuiVersion = '' } = options
  const rules = rulesOfVersion(comfyuiVersion) ?? rulesOfObjectInfo(classes)
  return catalogueOf(readDefinitions(classes), rules, options.source)
}

/**
 * A catalogue in which the classes of a later, partial answer are as they are there; the same one where nothing differs.
 * Classes that it does not have are not added.
 */
export function withDefinitions(
  catalogue: NodeCatalogue,
  objectInfo: Readonly<Record<string, unknown>>,
): NodeCatalogue {
  const changed = new Map(
    [...readDefinitions(objectInfo)].filter(([classType, definition]) => {
      const before = catalogue.lookUp(classType)
      return before !== undefined && digestOf(before) !== digestOf(definition)
    }),
  )
  if (changed.size === 0) return catalogue
  const definitions = new Map<string, NodeDefinition>()
  for (const classType of catalogue.classTypes) {
    const definition = changed.get(classType) ?? catalogue.lookUp(classType)
    if (definition !== undefined) definitions.set(classType, definition)
  }
  return catalogueOf(definitions, catalogue.rules, catalogue.source)
}

function catalogueOf(
  definitions: ReadonlyMap<string, NodeDefinition>,
  rules: PromptRules,
  source: string,
): NodeCatalogue {
  return {
    lookUp: (classType) => definitions.get(classType),
    classTypes: [...definitions.keys()],
    rules,
    fingerprint: fingerprintOf(definitions, rules),
    source,
    knowsFiles: true,
  }
}

/**
 * The same from the text of a file or of an answer.
 * @throws ObjectInfoError when it is no JSON, or something else
 */
export function parseNodeCatalogue(text: string, options: ReadNodeCatalogueOptions): NodeCatalogue {
  let objectInfo: unknown
  try {
    objectInfo = parsePythonJson(text.replace(/^\uFEFF/, ''))
  } catch {
    throw new ObjectInfoError(options.source, describeText(text))
  }
  return readNodeCatalogue(objectInfo, options)
}

/** The classes of bare ComfyUI, from the built-in table. */
export function coreCatalogue(version: CoreNodesVersion = '0.33.0'): NodeCatalogue {
  return {
    lookUp: (classType) => coreNode(classType, version),
    classTypes: coreClassTypes(version),
    rules: promptRules(version),
    fingerprint: `core ${version}`,
    source: `the core nodes of ComfyUI ${version}`,
    knowsFiles: false,
  }
}

function fingerprintOf(definitions: ReadonlyMap<string, NodeDefinition>, rules: PromptRules): string {
  const hash = createHash('sha256').update(JSON.stringify(rules))
  for (const classType of [...definitions.keys()].sort()) {
    const definition = definitions.get(classType)
    hash.update(JSON.stringify([classType, definition && digestOf(definition)]))
  }
  return hash.digest('base64url')
}

const digests = new WeakMap<NodeDefinition, string>()

/** Remembered: most classes stay as they are when a list of files changes. */
function digestOf(definition: NodeDefinition): string {
  let digest = digests.get(definition)
  if (digest === undefined) {
    digest = createHash('sha256').update(JSON.stringify(definition)).digest('base64url')
    digests.set(definition, digest)
  }
  return digest
}
