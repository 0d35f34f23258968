import { resolve } from 'node:path'
import { nearestName } from '../lib/nearest-name.ts'
import { ConfigError } from './config-error.ts'
import type { Config } from './config.ts'
import { isLoopback } from './is-loopback.ts'
import { shippedWorkflowsFolder } from './package-info.ts'
import { readTracing } from './read-tracing.ts'
import type { Environment } from './environment.ts'
import { givenTexts, readSetting, type Flags } from './read-setting.ts'
import type { Setting } from './setting.ts'
import { envPrefix, minApiKeyLength, settings } from './settings.ts'
import type { ComfyuiAddress } from './value-kinds.ts'

/** What relative paths and the shipped workflows are relative to. */
export interface Place {
  readonly workingDirectory: string
  readonly shippedWorkflowsFolder: string
}

export interface LoadedConfig {
  readonly config: Config
  /** For a person, one line each. */
  readonly warnings: readonly string[]
}

const defaultComfyuiUrl = 'http://127.0.0.1:8188'
const mebibyte = 1024 * 1024
const gibibyte = 1024 * mebibyte

/**
 * Makes the configuration from flags, environment and defaults, in this order of precedence. A variable that is set but
 * empty counts as not set.
 * @throws ConfigError with everything that is wrong at once
 */
export function loadConfig(
  env: Environment,
  flags: Flags,
  place: Place = { workingDirectory: process.cwd(), shippedWorkflowsFolder: shippedWorkflowsFolder() },
): LoadedConfig {
  const problems: string[] = []
  const warnings: string[] = unknownVariables(env)

  const read = <Value>(setting: Setting<Value>): Value => readSetting(setting, { env, flags, problems })
  const readMs = (setting: Setting<number>): number => read(setting) * 1000

  const addresses = withoutRepeats(read(settings.comfyuiUrls), warnings)
  const isDemoAsked = read(settings.demo)
  const instanceFiles = read(settings.instanceFiles).map((path) => resolve(place.workingDirectory, path))
  const isAddressGiven = addresses.length > 0 || instanceFiles.length > 0
  const isDemo = isDemoAsked && !isAddressGiven
  const host = read(settings.host)
  const apiKeys = read(settings.apiKeys)
  const folders = read(settings.workflowFolders).map((path) => resolve(place.workingDirectory, path))
  if (read(settings.shippedWorkflows)) folders.unshift(place.shippedWorkflowsFolder)

  if (!read(settings.allowInsecureBind) && !isLoopback(host) && apiKeys.length === 0) {
    problems.push(
      `${givenTexts(settings.host, env, flags).source} ${host} opens the server to other machines, and no key protects it. ` +
        `Either set COMFYUI_API_KEY to a secret of ${String(minApiKeyLength)} or more characters, ` +
        `or start with --allow-insecure-bind if something else protects the server.`,
    )
  }
  const corsOrigins = read(settings.corsOrigins)
  if (corsOrigins.includes('*') && apiKeys.length === 0) {
    problems.push(
      `${givenTexts(settings.corsOrigins, env, flags).source} * lets every web page that somebody opens use the server, and no key protects it. ` +
        `Either set COMFYUI_API_KEY, or name the origins.`,
    )
  }
  if (!isDemo && read(settings.demoFaults).length > 0)
    warnings.push(`${givenTexts(settings.demoFaults, env, flags).source} has no effect: only the simulator has faults.`)
  if (folders.length === 0)
    warnings.push('No workflow folder is given and --no-shipped-workflows is set: nothing is served.')

  const publicUrl = read(settings.publicUrl)
  const trustedProxies = read(settings.trustProxy)
  const basePath = read(settings.basePath)
  const rateLimit = read(settings.rateLimit)
  const outputsMaxGb = read(settings.outputsMaxGb)
  const maxQueuedPerCaller = read(settings.maxQueuedPerKey)
  const isBehindProxy = publicUrl !== undefined || basePath !== ''
  if (
    isBehindProxy &&
    trustedProxies === undefined &&
    apiKeys.length === 0 &&
    (rateLimit ?? maxQueuedPerCaller) !== undefined
  ) {
    warnings.push(
      '--rate-limit and --max-queued-per-key count all callers as one here: they have no keys, and without ' +
        '--trust-proxy each of them has the address of the proxy.',
    )
  }
  const rawPrompts = read(settings.rawPrompts)
  const outputMetadata = read(settings.outputMetadata)
  const isLocal = isLoopback(host) && !isBehindProxy && trustedProxies === undefined

  const config: Config = {
    server: {
      host,
      port: read(settings.port),
      isLoopback: isLoopback(host),
      maxBodyBytes: read(settings.maxBodyMb) * mebibyte,
      maxFileBytes: read(settings.maxFileMb) * mebibyte,
      syncHoldMs: readMs(settings.syncHoldSeconds),
      onDisconnect: read(settings.onDisconnect),
      drainMs: readMs(settings.drainSeconds),
      maxEventStreamsPerCaller: read(settings.maxStreamsPerKey),
      rateLimit,
    },
    security: {
      apiKeys,
      allowedHosts: read(settings.allowedHosts),
      corsOrigins,
      takesRawPrompts: rawPrompts === 'on' || (rawPrompts === 'auto' && isLocal),
      outputMetadata: {
        usual: outputMetadata === 'auto' ? (apiKeys.length > 0 ? 'strip' : 'keep') : outputMetadata,
        mayBeKept: outputMetadata !== 'strip',
      },
    },
    urls: {
      areFetched: read(settings.urlInputs) === 'on',
      takesHttp: read(settings.urlHttp),
      allow: read(settings.urlAllow),
    },
    proxying: { basePath, publicUrl, trustedProxies },
    comfyui: {
      instances: isDemo || isAddressGiven ? addresses : [{ url: defaultComfyuiUrl, authorization: undefined }],
      instanceFiles,
      submitAhead: read(settings.submitAhead),
      connectTimeoutMs: readMs(settings.connectTimeoutSeconds),
      submitTimeoutMs: readMs(settings.submitTimeoutSeconds),
      fetchTimeoutMs: readMs(settings.fetchTimeoutSeconds),
      predictsRefusals: read(settings.predictRefusals) === 'on',
    },
    workflows: {
      folders,
      watch: read(settings.watch),
      warmupCheckpoint: read(settings.warmupCheckpoint),
      required: read(settings.requiredWorkflows),
    },
    jobs: {
      maxQueued: read(settings.maxQueued),
      maxQueuedPerCaller,
      maxAttempts: read(settings.maxAttempts),
      runTimeoutMs: readMs(settings.runTimeoutSeconds),
      queueTimeoutMs: readMs(settings.queueTimeoutSeconds),
      stallTimeoutMs: readMs(settings.stallTimeoutSeconds),
      retentionMs: readMs(settings.retentionHours) * 3600,
    },
    storage: {
      dataDir: resolve(place.workingDirectory, read(settings.dataDir)),
      jobStore: read(settings.jobStore),
      assetRetentionMs: readMs(settings.assetRetentionHours) * 3600,
      outputs: read(settings.outputs),
      outputsMaxBytes: outputsMaxGb === undefined ? undefined : Math.round(outputsMaxGb * gibibyte),
    },
    tracing: readTracing(env, warnings),
    logging: { level: read(settings.logLevel), format: read(settings.logFormat) },
    demo: {
      isEnabled: isDemo,
      isOverridden: isDemoAsked && !isDemo,
      stepMs: read(settings.demoStepMs),
      faults: read(settings.demoFaults),
    },
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { config: freeze(config), warnings }
}

function withoutRepeats(addresses: readonly ComfyuiAddress[], warnings: string[]): readonly ComfyuiAddress[] {
  const unique = new Map(addresses.map((address) => [address.url, address]))
  if (unique.size < addresses.length) warnings.push('COMFYUI_URL names an address more than once; it is used once.')
  return [...unique.values()]
}

function unknownVariables(env: Environment): string[] {
  const known = Object.values(settings).flatMap((setting) => [setting.env, ...(setting.envAliases ?? [])])
  // Compared without the prefix, which would make every two of them look alike.
  const knownByRest = new Map(known.map((name) => [withoutPrefix(name), name]))
  return Object.keys(env)
    .filter((name) => name.startsWith(envPrefix) && !known.includes(name))
    .toSorted()
    .map((name) => {
      const nearest = knownByRest.get(nearestName(withoutPrefix(name), knownByRest.keys()) ?? '')
      const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
      return `${name} is not a setting and has no effect.${hint}`
    })
}

function withoutPrefix(name: string): string {
  return name.startsWith(envPrefix) ? name.slice(envPrefix.length) : name
}

function freeze<Value extends object>(value: Value): Value {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) freeze(part)
  }
  return Object.freeze(value)
}
