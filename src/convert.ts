import { readFile } from 'node:fs/promises'
import { text as readToEnd } from 'node:stream/consumers'
import type { AskedInstance } from './comfyui/ask-once.ts'
import { coreCatalogue, parseNodeCatalogue, type NodeCatalogue } from './comfyui/wire/node-catalogue.ts'
import { ObjectInfoError } from './comfyui/wire/object-info-error.ts'
import { convertWorkflow } from './converter/convert-workflow.ts'
import { ConversionRefusedError } from './converter/conversion.ts'
import { GatewayError } from './errors/gateway-error.ts'
import { parsePythonJson } from './lib/parse-python-json.ts'

export interface ConvertRequest {
  /** An exported workflow; `-` is the standard input. */
  readonly file: string
  readonly definitions:
    | { readonly kind: 'core' }
    | { readonly kind: 'file'; readonly file: string }
    | { readonly kind: 'instance'; readonly instance: AskedInstance; readonly connectTimeoutMs: number }
}

export type ConvertResult =
  | {
      readonly kind: 'converted'
      readonly prompt: object
      readonly warnings: readonly string[]
      readonly source: string
    }
  | { readonly kind: 'refused'; readonly reasons: readonly string[]; readonly source: string }

const standardInput = '-'

/**
 * Makes the prompt of an exported workflow, without a server.
 * @throws GatewayError when it cannot be read, or the definitions cannot be had
 */
export async function convertExport({ file, definitions }: ConvertRequest): Promise<ConvertResult> {
  if (file === standardInput && definitions.kind === 'file' && definitions.file === standardInput) {
    throw new GatewayError('validation_error', { detail: 'Only one thing can be read from -.' })
  }
  const exported = parseExport(await readText(file), file)
  const { lookUp, source } = await readCatalogue(definitions)
  try {
    const { prompt, warnings } = convertWorkflow(exported, { lookUp, source })
    return { kind: 'converted', prompt, warnings: warnings.map(({ message }) => message), source }
  } catch (error) {
    if (!(error instanceof ConversionRefusedError)) throw error
    const reasons = error.reasons.map(({ message, fix }) => (fix === undefined ? message : `${message} ${fix}`))
    return { kind: 'refused', reasons, source }
  }
}

async function readCatalogue(
  definitions: ConvertRequest['definitions'],
): Promise<Pick<NodeCatalogue, 'lookUp' | 'source'>> {
  switch (definitions.kind) {
    case 'core':
      return coreCatalogue()
    case 'file': {
      const { file } = definitions
      try {
        const source = file === standardInput ? 'the standard input' : file
        return parseNodeCatalogue(await readText(file), { source })
      } catch (cause) {
        if (!(cause instanceof ObjectInfoError)) throw cause
        throw new GatewayError('malformed_body', { detail: cause.message, cause })
      }
    }
    case 'instance': {
      const { instance, connectTimeoutMs } = definitions
      // Connections take longer to load than a whole conversion does.
      const { fetchNodeCatalogue } = await import('./comfyui/fetch-node-catalogue.ts')
      return (await fetchNodeCatalogue(instance, { connectTimeoutMs })).catalogue
    }
  }
}

async function readText(file: string): Promise<string> {
  return file === standardInput ? readToEnd(process.stdin) : readFile(file, 'utf8')
}

function parseExport(text: string, file: string): unknown {
  try {
    return parsePythonJson(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    const name = file === standardInput ? 'The standard input' : file
    throw new GatewayError('malformed_body', { detail: `${name} is no JSON.`, cause })
  }
}
