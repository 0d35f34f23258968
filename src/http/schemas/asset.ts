import { z } from 'zod'
import type { Asset } from '../../inputs/assets.ts'
import { kindOfMedia } from '../../inputs/formats/media-kinds.ts'
import type { Links } from '../links.ts'

export const assetSchema = z.object({
  id: z.string().describe('SHA-256 of the bytes, in hexadecimal: the same bytes are the same asset.'),
  object: z.literal('asset'),
  kind: z.enum(['image', 'video', 'audio', '3d']),
  content_type: z.string().describe('Told from the bytes, whatever the upload said.'),
  size_bytes: z.int(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().describe('When it is forgotten, unless it is used or uploaded again before.'),
  urls: z.object({ self: z.string(), content: z.string().describe('Path of the bytes.') }),
})

export type AssetResource = z.infer<typeof assetSchema>

export function toAssetResource({ id, file, createdAtMs, expiresAtMs }: Asset, links: Links): AssetResource {
  const self = links.asset(id)
  return {
    id,
    object: 'asset',
    kind: kindOfMedia(file.contentType),
    content_type: file.contentType,
    size_bytes: file.sizeBytes,
    created_at: new Date(createdAtMs).toISOString(),
    expires_at: new Date(expiresAtMs).toISOString(),
    urls: { self, content: `${self}/content` },
  }
}
