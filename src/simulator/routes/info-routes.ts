import { freemem, totalmem } from 'node:os'
import type { FileRoot, FileStore } from '../file-store.ts'
import type { ModelFiles, ModelLists } from '../model-files.ts'
import type { NodeCatalogue } from '../node-catalogue.ts'
import type { VersionProfile } from '../version-profile.ts'
import { maxUploadBytes, sendEmpty, sendJson, sendJsonText } from './http-exchange.ts'
import type { Route } from './router.ts'

export interface InfoRoutesOptions {
  profile: VersionProfile
  catalogue: NodeCatalogue
  models: Pick<ModelLists, 'files'>
  files: FileStore
}

const roots: readonly FileRoot[] = ['input', 'output', 'temp']

/** What the server says about itself. */
export function infoRoutes({ profile, catalogue, models, files }: InfoRoutesOptions): Route[] {
  const filesFor = (root: FileRoot): string[] => {
    const names = files.names(root, '').toReversed()
    return profile.modernFeatures ? names.map((name) => `${name} [${root}]`) : names
  }
  return [
    {
      method: 'GET',
      path: '/object_info',
      handle: ({ response }) => sendJsonText(response, 200, catalogue.objectInfo()),
    },
    {
      method: 'GET',
      path: '/object_info/*',
      handle: ({ response, params: [classType = ''] }) =>
        sendJsonText(response, 200, catalogue.objectInfoOf(classType)),
    },
    ...(profile.hasFeatures ? [features(profile)] : []),
    { method: 'GET', path: '/system_stats', handle: ({ response }) => sendJson(response, 200, systemStats(profile)) },
    {
      method: 'GET',
      path: '/embeddings',
      handle: ({ response }) => sendJson(response, 200, embeddings(models.files())),
    },
    { method: 'GET', path: '/extensions', handle: ({ response }) => sendJson(response, 200, []) },
    { method: 'GET', path: '/models', handle: ({ response }) => sendJson(response, 200, profile.modelFolders) },
    {
      method: 'GET',
      path: '/models/*',
      handle({ response, params: [folder = ''] }) {
        if (!profile.modelFolders.includes(folder)) return sendEmpty(response, 404)
        return sendJson(response, 200, models.files()[folder] ?? [])
      },
    },
    ...(profile.modernFeatures ? [replacements] : []),
    ...roots.map((root): Route => ({
      method: 'GET',
      path: `/internal/files/${root}`,
      only: 'bare',
      handle: ({ response }) => sendJson(response, 200, filesFor(root)),
    })),
  ]
}

function features(profile: VersionProfile): Route {
  return {
    method: 'GET',
    path: '/features',
    handle: ({ response }) => sendJson(response, 200, serverFeatures(profile)),
  }
}

const replacements: Route = {
  method: 'GET',
  path: '/node_replacements',
  handle: ({ response }) => sendJson(response, 200, {}),
}

/** The flags that the server tells every client. */
export function serverFeatures({ modernFeatures }: VersionProfile): Record<string, unknown> {
  if (!modernFeatures) return { supports_preview_metadata: true, max_upload_size: maxUploadBytes }
  return {
    supports_preview_metadata: true,
    supports_model_type_tags: true,
    max_upload_size: maxUploadBytes,
    extension: { manager: { supports_v4: true } },
    node_replacements: true,
    assets: false,
  }
}

function embeddings(models: ModelFiles): string[] {
  return (models['embeddings'] ?? []).map((name) => name.replace(/\.[^./]+$/, ''))
}

function systemStats(profile: VersionProfile): Record<string, unknown> {
  const [total, free] = [totalmem(), freemem()]
  const device = { name: 'cpu (simulated)', type: 'cpu', index: null, vram_total: total, vram_free: free }
  return {
    system: {
      os: profile.operatingSystem,
      ram_total: total,
      ram_free: free,
      comfyui_version: profile.version,
      required_frontend_version: profile.frontendVersion,
      python_version: profile.pythonVersion,
      pytorch_version: profile.torchVersion,
      embedded_python: false,
      argv: ['main.py', '--cpu'],
      ...(profile.modernFeatures && { deploy_environment: 'local-git', comfy_package_versions: [] }),
    },
    devices: [{ ...device, torch_vram_total: total, torch_vram_free: free }],
  }
}
