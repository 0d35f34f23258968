import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { About, HttpSecurity } from '../app-options.ts'
import { demoNotice } from '../demo-notice.ts'
import { createComponentRegistry } from '../openapi/component-schemas.ts'
import type { Links } from '../links.ts'

/** Collects the routes that follow into the fixed part of the OpenAPI document, `app.swagger()`. */
export async function documentRoutes(
  app: FastifyInstance,
  { about, security, links }: { about: About; security: HttpSecurity; links: Links },
): Promise<void> {
  const schemaRegistry = createComponentRegistry()
  const needsKey = security.apiKeys.length > 0
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: about.demo ? 'comfyui-api (SIMULATED)' : 'comfyui-api',
        version: about.version,
        description: `${about.demo ? `> **${demoNotice}**\n\n` : ''}${description}`,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: links.server }],
      security: needsKey ? [{ bearerAuth: [] }, { apiKeyAuth: [] }] : [],
      tags: [...tags],
      ...(needsKey && { components: { securitySchemes } }),
    },
    transform: createJsonSchemaTransform({ schemaRegistry, zodToJsonConfig }),
    transformObject: createJsonSchemaTransformObject({ schemaRegistry, zodToJsonConfig }),
  })
}

/** In the order in which readers find them, after the families of workflows. */
const tags = [
  { name: 'workflows', description: 'What can be run, and what would run.' },
  { name: 'prompt', description: 'Graphs of your own.' },
  { name: 'jobs', description: 'What runs and ran.' },
  { name: 'events', description: 'What happens, as it happens.' },
  { name: 'outputs', description: 'What came out.' },
  { name: 'assets', description: 'Files for parameters, sent once.' },
  { name: 'models', description: 'What ComfyUI has.' },
  { name: 'server', description: 'State of the server and of its ComfyUI instances.' },
] as const

const securitySchemes = {
  bearerAuth: { type: 'http', scheme: 'bearer' },
  apiKeyAuth: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
} as const

/** What Zod says beyond what a reader wants to know: the range of whole numbers in JavaScript, a time as a pattern. */
const zodToJsonConfig: NonNullable<Parameters<typeof createJsonSchemaTransform>[0]['zodToJsonConfig']> = {
  override: ({ jsonSchema }) => {
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
  },
}

const description = [
  'Typed endpoints for ComfyUI workflows. `POST` to a workflow runs it and answers with the result; `Accept: image/*` ' +
    'gets the picture itself, `Accept: text/event-stream` the progress, `Prefer: respond-async` the job at once.',
  'Errors are RFC 9457 problems with a stable `code`.',
].join('\n\n')
