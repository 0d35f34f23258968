import { GatewayError } from '../../errors/gateway-error.ts'

/** Headers of RFC 9530 that say what the bytes of a body are. No body here has a content coding: both mean the same. */
const digestHeaders = ['content-digest', 'repr-digest'] as const

type DigestHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * The SHA-256 that a caller says the body has, in hexadecimal; several when the headers differ. Other algorithms are left
 * alone, as the standard wants of those one does not have.
 * @throws GatewayError `invalid_header`
 */
export function readContentDigests(headers: DigestHeaders): readonly string[] {
  return digestHeaders.flatMap((name) => {
    const members = [headers[name] ?? []].flat().flatMap((header) => header.split(','))
    return members.flatMap((member) => {
      const [, value] = /^[ \t]*sha-256=([^;]*)/.exec(member) ?? []
      if (value === undefined) return []
      const [, base64] = /^:([A-Za-z0-9+/]{43}=):[ \t]*$/.exec(value) ?? []
      if (base64 !== undefined) return [Buffer.from(base64, 'base64').toString('hex')]
      throw new GatewayError('invalid_header', {
        detail: `The header ${name} must hold the SHA-256 of the body in base64 between colons: sha-256=:…:.`,
      })
    })
  })
}

/** @throws GatewayError `digest_mismatch` */
export function requireDigests(expected: readonly string[], sha256: string): void {
  if (expected.every((digest) => digest === sha256)) return
  throw new GatewayError('digest_mismatch', {
    detail: `What arrived has the SHA-256 ${sha256}, which is not the one in the header. Nothing was kept.`,
  })
}
