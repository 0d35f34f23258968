import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { About } from '../app-options.ts'
import type { Links } from '../links.ts'
import type { RenderedDocument } from '../openapi/document.ts'

/** Nothing from elsewhere, nothing inline but styles, which Swagger UI sets on its elements. Blobs are the results it shows. */
const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
  "media-src 'self' blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * Serves the documentation page at `/docs`.
 *
 * @param folder with the page's files
 */
export async function serveDocsPage(
  app: FastifyInstance,
  options: { render: () => RenderedDocument; isOpen: boolean; about: About; links: Links; folder: string },
): Promise<void> {
  const baseDir = options.folder
  app.addHook('onRoute', (route) => {
    if (route.url === '/docs' || route.url.startsWith('/docs/'))
      route.config = { ...route.config, isOpen: options.isOpen }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: options.links.path(''),
    uiHooks: {
      onRequest(request, reply, next) {
        // The plugin redirects from here to a path of its own, which does not have the prefix.
        if (request.routeOptions.url === '/docs/static/index.html') reply.redirect(options.links.path('/docs/'))
        else next()
      },
    },
    baseDir,
    logo: { type: 'image/svg+xml', content: await readFile(join(baseDir, 'logo.svg')) },
    theme: { title: options.about.demo ? 'comfyui-api (SIMULATED)' : 'comfyui-api' },
    staticCSP: contentSecurityPolicy,
    transformSpecificationClone: false,
    transformSpecification: () => options.render().document,
    uiConfig: {
      layout: 'BaseLayout',
      deepLinking: true,
      displayRequestDuration: true,
      defaultModelsExpandDepth: 0,
      tryItOutEnabled: true,
      persistAuthorization: false,
    },
  })
}
