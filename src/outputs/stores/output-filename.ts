/**
 * Names of the files of outputs: `<job id>.<index>` for ids that this server made. Other ids, which differ in upper and
 * lower case, must not meet on a disk that does not tell these apart, nor be a name that Windows keeps for itself: they
 * become `j~<id in lower case>~<which letters are upper case, as hexadecimal bits>.<index>`.
 */
export function outputFilename(jobId: string, index: number): string | undefined {
  if (!Number.isSafeInteger(index) || index < 0) return undefined
  if (mintedId.test(jobId)) return `${jobId}.${index}`
  return chosenId.test(jobId) ? `j~${jobId.toLowerCase()}~${upperCaseBits(jobId)}.${index}` : undefined
}

/** The job whose output a file is, and whether the file was never finished; `undefined` for other files. */
export function parseOutputFilename(name: string): { readonly jobId: string; readonly isPart: boolean } | undefined {
  const [, stem, rest] = /^([^.]+)\.\d+(\.\d+\.part)?$/.exec(name) ?? []
  const jobId = stem === undefined ? undefined : jobIdOf(stem)
  return jobId === undefined ? undefined : { jobId, isPart: rest !== undefined }
}

const mintedId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const chosenId = /^[A-Za-z0-9_-]{1,128}$/

function jobIdOf(stem: string): string | undefined {
  if (mintedId.test(stem)) return stem
  const [, lower, bits] = /^j~([a-z0-9_-]{1,128})~([0-9a-f]{1,32})$/.exec(stem) ?? []
  if (lower === undefined || bits === undefined) return undefined
  const isUpper = BigInt(`0x${bits}`)
  return Array.from(lower, (letter, place) => ((isUpper >> BigInt(place)) & 1n ? letter.toUpperCase() : letter)).join(
    '',
  )
}

function upperCaseBits(jobId: string): string {
  let bits = 0n
  for (const [place, letter] of Array.from(jobId).entries()) if (/[A-Z]/.test(letter)) bits |= 1n << BigInt(place)
  return bits.toString(16)
}
