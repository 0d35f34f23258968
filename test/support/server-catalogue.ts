import { coreClassTypes } from '../../src/comfyui/wire/core-nodes.ts'
import type { NodeCatalogue } from '../../src/comfyui/wire/node-catalogue.ts'
import type { NodeLookup } from '../../src/comfyui/wire/object-info.ts'
import { promptRules } from '../../src/comfyui/wire/verdict/prompt-rules.ts'
import { nodePacks } from '../fixtures/node-packs.ts'

/** A server of the newest release with these classes, and the lists of files that they have. */
export function serverCatalogue(nodes: NodeLookup): NodeCatalogue {
  const packs = nodePacks(() => []).flatMap(({ classes }) => Object.keys(classes))
  return {
    lookUp: nodes,
    classTypes: [...coreClassTypes(), ...packs],
    rules: promptRules('0.33.0'),
    fingerprint: 'test',
    source: 'a test server',
    knowsFiles: true,
  }
}
