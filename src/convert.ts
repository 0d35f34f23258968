import { convertWorkflow } from './converter/convert-workflow.ts'
import { ConversionRefusedError } from './converter/conversion.ts'
import { readGivenExport, type ExportPlace } from './generator/given-export.ts'
import { readDefinitions, refuseTwoInputs, type DefinitionsPlace } from './generator/read-definitions.ts'
import { refusalReasons } from './generator/refusal-reasons.ts'

export interface ConvertRequest {
  readonly source: ExportPlace
  readonly definitions: DefinitionsPlace
}

export type ConvertResult =
  | {
      readonly kind: 'converted'
      readonly prompt: object
      readonly warnings: readonly string[]
      readonly source: string
    }
  /** `source` is undefined where the definitions were not needed to see it. */
  | { readonly kind: 'refused'; readonly reasons: readonly string[]; readonly source: string | undefined }

/**
 * Makes the prompt of an exported workflow, without a server.
 * @throws GatewayError when it cannot be read, or the definitions cannot be had
 */
export async function convertExport(request: ConvertRequest): Promise<ConvertResult> {
  refuseTwoInputs(request.source, request.definitions)
  let source: string | undefined
  try {
    const { exported } = await readGivenExport(request.source)
    const catalogue = await readDefinitions(request.definitions)
    source = catalogue.source
    const { prompt, warnings } = convertWorkflow(exported, catalogue)
    return { kind: 'converted', prompt, warnings: warnings.map(({ message }) => message), source }
  } catch (error) {
    if (!(error instanceof ConversionRefusedError)) throw error
    return { kind: 'refused', reasons: refusalReasons(error), source }
  }
}
