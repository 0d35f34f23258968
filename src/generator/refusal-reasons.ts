import type { ConversionRefusedError } from '../converter/conversion.ts'

/** Why an export cannot be converted, for people, each with what to do about it. */
export function refusalReasons({ reasons }: ConversionRefusedError): readonly string[] {
  return reasons.map(({ message, fix }) => (fix === undefined ? message : `${message} ${fix}`))
}
