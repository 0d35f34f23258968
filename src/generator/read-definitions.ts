import { readFile } from 'node:fs/promises'
import { text as readToEnd } from 'node:stream/consumers'
import type { AskedInstance } from '../comfyui/ask-once.ts'
import { coreCatalogue, parseNodeCatalogue, type NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import { ObjectInfoError } from '../comfyui/wire/object-info-error.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { standardInput, type ExportPlace } from './given-export.ts'
import { unreadable } from './unreadable.ts'

/** Where the definitions of node classes come from: one place, as lists of values are read by them. */
export type DefinitionsPlace =
  | { readonly kind: 'core' }
  /** What `/object_info` of a ComfyUI said; `-` is the standard input. */
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'instance'; readonly instance: AskedInstance; readonly connectTimeoutMs: number }

/**
 * @throws GatewayError when there are no definitions in that place, or they cannot be read
 */
export async function readDefinitions(place: DefinitionsPlace): Promise<NodeCatalogue> {
  switch (place.kind) {
    case 'core':
      return coreCatalogue()
    case 'file': {
      const isInput = place.file === standardInput
      const text = isInput
        ? await readToEnd(process.stdin)
        : await readFile(place.file, 'utf8').catch(unreadable(place.file))
      try {
        return parseNodeCatalogue(text, { source: isInput ? 'the standard input' : place.file })
      } catch (cause) {
        if (!(cause instanceof ObjectInfoError)) throw cause
        throw new GatewayError('malformed_body', { detail: cause.message, cause })
      }
    }
    case 'instance': {
      const { instance, connectTimeoutMs } = place
      // Connections take longer to load than a whole conversion does.
      const { fetchNodeCatalogue } = await import('../comfyui/fetch-node-catalogue.ts')
      return (await fetchNodeCatalogue(instance, { connectTimeoutMs })).catalogue
    }
  }
}

/** @throws GatewayError `validation_error` when both are to be read from the standard input */
export function refuseTwoInputs(source: ExportPlace, definitions: DefinitionsPlace): void {
  const places = [source, definitions].filter((place) => place.kind === 'file' && place.file === standardInput)
  if (places.length > 1) throw new GatewayError('validation_error', { detail: 'Only one thing can be read from -.' })
}
