import type { AskedInstance } from './comfyui/ask-once.ts'
import { fetchNodeCatalogue } from './comfyui/fetch-node-catalogue.ts'

/**
 * What a ComfyUI says of its node classes, word for word: one JSON document, known to be what it should be.
 * @throws GatewayError with what a person can do about it
 */
export async function fetchObjectInfo(
  instance: AskedInstance,
  { connectTimeoutMs }: { readonly connectTimeoutMs: number },
): Promise<string> {
  return (await fetchNodeCatalogue(instance, { connectTimeoutMs })).text
}
