import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Asset, Assets } from '../../inputs/assets.ts'
import type { InputStore } from '../../inputs/input-store.ts'
import { choosePart, partHeadersSchema } from '../answers/choose-part.ts'
import { contentDisposition } from '../answers/content-disposition.ts'
import { sandboxHeaders } from '../answers/send-output.ts'
import { receiveAsset } from '../body/receive-asset.ts'
import type { Links } from '../links.ts'
import { bodyByType } from '../openapi/bodies-by-type.ts'
import { binaryResponse, changeErrors, errorResponses, jsonResponse } from '../openapi/responses.ts'
import { refuseEncoded } from '../plugins/bodies.ts'
import { type AssetResource, assetSchema, toAssetResource } from '../schemas/asset.ts'

export interface AssetRoutesOptions {
  readonly assets: Pick<Assets, 'add' | 'get' | 'remove'>
  readonly inputs: Pick<InputStore, 'receive' | 'release' | 'open'>
  readonly links: Links
}

const paramsSchema = z.object({ id: z.string().describe('Id of the asset: the SHA-256 of its bytes, in hexadecimal.') })

const digestHeadersSchema = z.looseObject({
  'content-digest': z
    .string()
    .optional()
    .describe('`sha-256=:…:`, the SHA-256 of the body in base64 (RFC 9530). What does not have it is not kept.'),
  'repr-digest': z.string().optional().describe('The same: bodies are taken as they are, without a content coding.'),
})

const file = { type: 'string', contentMediaType: 'application/octet-stream' }

/** Read as it comes; here it is only documented. */
const uploadSchema = z.unknown().meta(
  bodyByType({
    'multipart/form-data': {
      type: 'object',
      properties: { file: { ...file, description: 'The file. Its part may have any name.' } },
      required: ['file'],
    },
    'application/octet-stream': { ...file, description: 'The bytes of the file. Any other type is as good.' },
  }),
)

const contentUrl = '/assets/:id/content'

const contentSchema = {
  operationId: 'getAssetContent',
  tags: ['assets'],
  summary: 'Get the bytes of an asset',
  params: paramsSchema,
  headers: partHeadersSchema,
  response: {
    200: binaryResponse('All of them, in their own content type', '*/*'),
    206: binaryResponse('The bytes asked for', '*/*'),
    304: z.null().describe('They are the ones in `If-None-Match`.'),
    ...errorResponses('asset_not_found', 'precondition_failed', 'range_not_satisfiable', 'storage_unavailable'),
  },
}

/** `/assets`: files that are sent once, and named in many requests. */
export const assetRoutes: FastifyPluginAsyncZod<AssetRoutesOptions> = async (app, { assets, inputs, links }) => {
  function requireAsset(id: string): Asset {
    const asset = assets.get(id)
    if (asset !== undefined) return asset
    throw new GatewayError('asset_not_found', { detail: `There is no asset ${id.slice(0, 100)}.` })
  }

  app.get(
    '/assets/:id',
    {
      schema: {
        operationId: 'getAsset',
        tags: ['assets'],
        summary: 'Get an asset',
        params: paramsSchema,
        response: {
          200: jsonResponse('The asset', assetSchema),
          ...errorResponses('asset_not_found', 'storage_unavailable'),
        },
      },
    },
    async (request, reply) => {
      const asset = requireAsset(request.params.id)
      return reply.header('cache-control', 'no-store').send(toAssetResource(asset, links))
    },
  )

  app.delete(
    '/assets/:id',
    {
      schema: {
        operationId: 'deleteAsset',
        tags: ['assets'],
        summary: 'Forget an asset',
        description: 'Its bytes go as well, unless a job that was accepted needs them.',
        params: paramsSchema,
        response: {
          204: z.null().describe('It is gone.'),
          ...errorResponses('asset_not_found', 'storage_unavailable', ...changeErrors),
        },
      },
    },
    async (request, reply) => {
      assets.remove(requireAsset(request.params.id).id)
      return reply.code(204).send(null)
    },
  )

  async function answerContent(
    request: { method: string; params: z.infer<typeof paramsSchema>; headers: z.infer<typeof partHeadersSchema> },
    reply: FastifyReply,
  ): Promise<void> {
    const { id, file } = requireAsset(request.params.id)
    const etag = `"${id}"`
    // The address never has other bytes, but it is to end with the asset.
    reply.header('cache-control', 'private, no-cache')
    const part = choosePart(request, reply, { etag, sizeBytes: file.sizeBytes, what: 'The asset' })
    if (part.kind === 'unchanged') return
    const range = part.kind === 'part' ? part.range : undefined
    const extension = file.name.slice(file.name.lastIndexOf('.'))
    reply.headers({
      'content-type': file.contentType,
      'content-length': String(range === undefined ? file.sizeBytes : range.end - range.start + 1),
      etag,
      'content-disposition': contentDisposition(file.contentType, `${id.slice(0, 12)}${extension}`),
      ...sandboxHeaders,
    })
    if (request.method === 'HEAD') {
      reply.send()
      return
    }
    const bytes = await inputs.open(file, range)
    if (bytes === undefined) throw new GatewayError('asset_not_found', { detail: `The bytes of ${id} are gone.` })
    reply.send(bytes)
  }
  app.get(contentUrl, { exposeHeadRoute: false, schema: contentSchema }, async (request, reply) => {
    await answerContent(request, reply)
    return reply
  })
  app.head(contentUrl, { schema: contentSchema }, async (request, reply) => {
    await answerContent(request, reply)
    return reply
  })

  await app.register(async (uploads) => {
    // Bodies of any type are left to the handler, which reads them as they come.
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser('*', (_request, _stream, done) => done(null))
    uploads.post(
      '/assets',
      {
        config: { startsJobs: true },
        schema: {
          operationId: 'createAsset',
          tags: ['assets'],
          summary: 'Send a file once, to use it in many requests',
          description:
            'The bytes as the body, or a form with one file; of any size up to `--max-file-mb`. Afterwards `{"asset": id}` ' +
            'stands for the file wherever a workflow or a graph takes media. What it is is told from its bytes: an image, a ' +
            'video, a sound or a 3D model.',
          consumes: ['multipart/form-data', 'application/octet-stream'],
          headers: digestHeadersSchema,
          body: uploadSchema,
          response: {
            200: jsonResponse('These bytes were an asset already, whose time begins anew', assetSchema),
            201: jsonResponse('The asset. `Location` is its address.', assetSchema),
            ...errorResponses(
              'digest_mismatch',
              'invalid_header',
              'origin_not_allowed',
              'malformed_body',
              'too_complex',
              'body_too_large',
              'unsupported_media_type',
              'unsupported_input',
              'rate_limited',
              'storage_unavailable',
            ),
          },
        },
      },
      createAsset,
    )
  })

  async function createAsset(request: FastifyRequest, reply: FastifyReply): Promise<AssetResource> {
    refuseEncoded(request)
    const { file, pointer } = await receiveAsset(request.raw, inputs)
    try {
      const { asset, isNew } = await assets.add(file, pointer)
      reply.code(isNew ? 201 : 200).headers({ location: links.asset(asset.id), 'cache-control': 'no-store' })
      return toAssetResource(asset, links)
    } finally {
      await inputs.release(file)
    }
  }
}
