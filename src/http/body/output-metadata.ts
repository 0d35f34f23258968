import type { OutputMetadata } from '../../outputs/job-output.ts'
import { refuseFields } from './refuse-fields.ts'

/** What becomes of the texts that ComfyUI writes into outputs. */
export interface OutputMetadataPolicy {
  /** Of calls that do not say. */
  readonly usual: OutputMetadata
  /** Calls may ask to keep them. */
  readonly mayBeKept: boolean
}

/**
 * What becomes of the texts in the outputs of one job: what the call says, else what the job that it repeats did, else what
 * is usual.
 * @throws GatewayError `validation_error` when the call asks to keep what may not be kept
 */
export function chooseOutputMetadata(
  { usual, mayBeKept }: OutputMetadataPolicy,
  { given, before }: { given?: OutputMetadata | undefined; before?: OutputMetadata | undefined },
): OutputMetadata {
  const wanted = given ?? before ?? usual
  if (wanted === 'strip' || mayBeKept) return wanted
  if (given === 'keep') {
    refuseFields([
      {
        pointer: '/output_metadata',
        code: 'option_not_allowed',
        message: 'cannot be keep: this server strips the metadata of all outputs',
      },
    ])
  }
  return 'strip'
}
