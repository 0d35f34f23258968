import { delimiter, resolve } from 'node:path'
import { inspect } from 'node:util'
import { Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { ConfigError } from './config-error.ts'
import type { Environment } from './environment.ts'
import { loadConfig } from './load-config.ts'
import { loadLanguageModel } from './load-language-model.ts'
import type { Flags } from './read-setting.ts'
import { flagKey, type Setting } from './setting.ts'
import { settings } from './settings.ts'

const place = {
  workingDirectory: resolve('/srv/gateway'),
  shippedWorkflowsFolder: resolve('/opt/comfyui-api/workflows'),
}
const key = 'a-key-of-twenty-chars'

const load = (env: Environment = {}, flags: Flags = {}) => loadConfig(env, flags, place)

function problemsOf(env: Environment, flags: Flags = {}): readonly string[] {
  try {
    load(env, flags)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('defaults', () => {
  test('listen on this machine only, talk to the usual ComfyUI and serve the shipped workflows', () => {
    const { config, warnings } = load()
    expect(warnings).toEqual([])
    expect(config).toEqual({
      server: {
        host: '127.0.0.1',
        port: 3000,
        isLoopback: true,
        maxBodyBytes: 32 * 1024 * 1024,
        maxFileBytes: 512 * 1024 * 1024,
        syncHoldMs: 300_000,
        onDisconnect: 'cancel',
        drainMs: 30_000,
        maxEventStreamsPerCaller: 100,
        rateLimit: undefined,
      },
      security: {
        apiKeys: [],
        allowedHosts: [],
        corsOrigins: [],
        takesRawPrompts: true,
        outputMetadata: { usual: 'keep', mayBeKept: true },
      },
      urls: { areFetched: true, takesHttp: false, allow: [] },
      proxying: { basePath: '', publicUrl: undefined, trustedProxies: undefined },
      comfyui: {
        instances: [{ url: 'http://127.0.0.1:8188', authorization: undefined }],
        instanceFiles: [],
        submitAhead: 1,
        connectTimeoutMs: 2_000,
        submitTimeoutMs: 30_000,
        fetchTimeoutMs: 60_000,
        predictsRefusals: true,
      },
      workflows: { folders: [place.shippedWorkflowsFolder], watch: 'native', required: [] },
      jobs: {
        maxQueued: 1000,
        maxQueuedPerCaller: undefined,
        maxAttempts: 2,
        runTimeoutMs: 600_000,
        queueTimeoutMs: 86_400_000,
        stallTimeoutMs: 300_000,
        retentionMs: 86_400_000,
      },
      storage: {
        dataDir: resolve(place.workingDirectory, '.comfyui-api'),
        jobStore: 'sqlite',
        assetRetentionMs: 86_400_000,
        outputs: 'keep',
        outputsMaxBytes: 10 * 1024 ** 3,
      },
      tracing: { isEnabled: false, sampler: { root: 'always_on', ratio: 1, followsParent: true } },
      logging: { level: 'info', format: 'auto' },
      demo: { isEnabled: false, isOverridden: false, stepMs: 40, faults: [] },
    })
  })

  test('obey the rules of their own settings', () => {
    for (const setting of Object.values<Setting<unknown>>(settings)) {
      expect(setting.read([]), setting.env).toMatchObject({ ok: true })
    }
  })

  test('cannot be changed at any depth', () => {
    const { config } = load()
    expect(() => Object.assign(config.server, { port: 1 })).toThrow(TypeError)
    expect(() => Object.assign(config.comfyui.instances, { 0: undefined })).toThrow(TypeError)
  })
})

describe('precedence', () => {
  test('a flag wins over the variable, and the variable over the default', () => {
    expect(load({ PORT: '4000' }, { port: '5000' }).config.server.port).toBe(5000)
    expect(load({ PORT: '4000' }).config.server.port).toBe(4000)
  })

  test('an empty variable counts as not set', () => {
    expect(load({ PORT: '', LOG_LEVEL: ' ' }).config).toEqual(load().config)
  })

  test('the main name of a variable wins over its other name', () => {
    expect(load({ MAX_BODY_SIZE_MB: '8' }).config.server.maxBodyBytes).toBe(8 * 1024 * 1024)
    expect(load({ MAX_BODY_SIZE_MB: '8', COMFYUI_API_MAX_BODY_MB: '9' }).config.server.maxBodyBytes).toBe(
      9 * 1024 * 1024,
    )
  })

  test('a size is a number of GiB, with decimals too, or off', () => {
    const maxBytes = (text: string) => load({ COMFYUI_API_OUTPUTS_MAX_GB: text }).config.storage.outputsMaxBytes
    expect(maxBytes('0.25')).toBe(256 * 1024 ** 2)
    expect(maxBytes('200')).toBe(200 * 1024 ** 3)
    expect(maxBytes('off')).toBeUndefined()
  })

  test('every setting changes the configuration when its variable is set', () => {
    const other: Record<keyof typeof settings, string> = {
      port: '1',
      host: 'localhost',
      maxBodyMb: '1',
      maxFileMb: '2',
      syncHoldSeconds: '1',
      onDisconnect: 'keep',
      drainSeconds: '1',
      maxStreamsPerKey: '1',
      basePath: '/comfy',
      publicUrl: 'https://api.example',
      apiKeys: key,
      allowInsecureBind: 'true',
      allowedHosts: 'gateway.example',
      rawPrompts: 'off',
      outputMetadata: 'strip',
      urlInputs: 'off',
      urlAllow: 'cdn.example',
      urlHttp: 'on',
      trustProxy: '1',
      corsOrigins: 'https://app.example',
      rateLimit: '1/s',
      comfyuiUrls: 'http://gpu:8188',
      instanceFiles: '/etc/instances',
      predictRefusals: 'off',
      submitAhead: '2',
      connectTimeoutSeconds: '1',
      submitTimeoutSeconds: '1',
      fetchTimeoutSeconds: '1',
      workflowFolders: 'mine',
      shippedWorkflows: 'no',
      watch: 'poll',
      requiredWorkflows: 'flux/flux_depth',
      warmupCheckpoint: 'a.safetensors',
      dataDir: 'elsewhere',
      jobStore: 'memory',
      maxQueued: '1',
      maxQueuedPerKey: '1',
      maxAttempts: '1',
      runTimeoutSeconds: '1',
      queueTimeoutSeconds: '1',
      stallTimeoutSeconds: '1',
      retentionHours: '1',
      assetRetentionHours: '1',
      outputs: 'stream',
      outputsMaxGb: '0.5',
      languageModelKey: 'another-key',
      languageModelUrl: 'https://llm.example/v1',
      languageModelId: 'maker/model',
      languageModel: 'off',
      logLevel: 'debug',
      logFormat: 'json',
      demo: 'on',
      demoStepMs: '1',
      demoFaults: 'oom',
    }
    const wide = { HOST: '0.0.0.0' }
    const readModel = (given: Environment) => {
      const model = loadLanguageModel({ OPENROUTER_API_KEY: key, ...given }, {})
      return { ...model, apiKey: model?.apiKey.reveal() }
    }
    for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
      if (name === 'allowInsecureBind') continue
      const env = { [setting.env]: other[name as keyof typeof settings] }
      const read = setting.command === undefined ? (given: Environment) => load(given).config : readModel
      expect(inspect(read(env), { depth: 9 }), name).not.toBe(inspect(read({}), { depth: 9 }))
    }
    expect(problemsOf(wide)).toHaveLength(1)
    expect(problemsOf({ ...wide, [settings.allowInsecureBind.env]: other.allowInsecureBind })).toEqual([])
  })
})

describe('bad values', () => {
  test('are all told at once, each with its name, the rule and the value', () => {
    expect(problemsOf({ PORT: '70000', COMFYUI_API_JOB_STORE: 'redis' }, { submitAhead: '-1' }).toSorted()).toEqual([
      '--submit-ahead must be a whole number from 0 to 16; got "-1"',
      'COMFYUI_API_JOB_STORE must be one of sqlite, memory; got "redis"',
      'PORT must be a whole number from 0 to 65535; got "70000"',
    ])
  })

  test.each<[string, Environment]>([
    ['a fraction', { COMFYUI_API_MAX_QUEUED: '1.5' }],
    ['a number with a unit', { COMFYUI_API_RUN_TIMEOUT_SECONDS: '10s' }],
    ['a number below the bound', { COMFYUI_API_MAX_ATTEMPTS: '0' }],
    ['a number too large to be exact', { PORT: '99999999999999999999' }],
    ['a word where yes or no belongs', { COMFYUI_API_DEMO: 'maybe' }],
    ['no room at all', { COMFYUI_API_OUTPUTS_MAX_GB: '0' }],
    ['a size with a unit', { COMFYUI_API_OUTPUTS_MAX_GB: '10GB' }],
    ['an unknown log level', { LOG_LEVEL: 'verbose' }],
    ['a host with a port', { HOST: '127.0.0.1:3000' }],
    ['a host with a scheme', { HOST: 'http://localhost' }],
    ['an allowed host with a path', { COMFYUI_API_ALLOWED_HOSTS: 'a.example,b.example/x' }],
    ['a base path without a slash in front', { COMFYUI_API_BASE_PATH: 'comfy' }],
    ['a base path that climbs', { COMFYUI_API_BASE_PATH: '/a/../b' }],
    ['a base path with an empty segment', { COMFYUI_API_BASE_PATH: '/a//b' }],
    ['a base path with an escape', { COMFYUI_API_BASE_PATH: '/a%20b' }],
    ['a public address with a user', { COMFYUI_API_PUBLIC_URL: 'https://me@api.example' }],
    ['a public address with a query', { COMFYUI_API_PUBLIC_URL: 'https://api.example/?a' }],
    ['a public address without a scheme', { COMFYUI_API_PUBLIC_URL: 'api.example/comfy' }],
    ['trust in everybody', { COMFYUI_API_TRUST_PROXY: 'true' }],
    ['trust in no proxies', { COMFYUI_API_TRUST_PROXY: '0' }],
    ['trust in a name', { COMFYUI_API_TRUST_PROXY: 'loopback,proxy.example' }],
    ['trust in a network too narrow', { COMFYUI_API_TRUST_PROXY: '10.0.0.0/33' }],
    ['an origin without a scheme', { COMFYUI_API_CORS_ORIGIN: 'app.example' }],
    ['an origin with a path', { COMFYUI_API_CORS_ORIGIN: 'https://app.example/page' }],
    ['origins by a pattern', { COMFYUI_API_CORS_ORIGIN: 'https://*.example.com' }],
    ['the origin of nobody', { COMFYUI_API_CORS_ORIGIN: 'null' }],
    ['every origin without a key', { COMFYUI_API_CORS_ORIGIN: 'https://app.example,*' }],
    ['a rate without a time', { COMFYUI_API_RATE_LIMIT: '120' }],
    ['a rate of nothing', { COMFYUI_API_RATE_LIMIT: '0/1m' }],
    ['a rate over no time', { COMFYUI_API_RATE_LIMIT: '5/0s' }],
    ['a rate over more than a day', { COMFYUI_API_RATE_LIMIT: '5/25h' }],
    ['an address without a scheme', { COMFYUI_URL: 'gpu:8188' }],
    ['an address of another scheme', { COMFYUI_URL: 'ftp://gpu' }],
    ['an address with a query', { COMFYUI_URL: 'http://gpu/?a=1' }],
    ['a key that is too short', { COMFYUI_API_KEY: 'short' }],
    ['a key with a space inside', { COMFYUI_API_KEY: 'a key with some spaces' }],
  ])('%s is refused', (_, env) => {
    expect(problemsOf(env)).toHaveLength(1)
  })

  test('never show a secret', () => {
    const problems = problemsOf({
      COMFYUI_API_KEY: 'hush',
      COMFYUI_URL: 'ftp://me:hush@gpu, me:hush@gpu:1, http://gpu/?token=hush, http://a:hush@b@gpu/#hush',
    })
    expect(problems).toHaveLength(5)
    expect(problems.join()).not.toContain('hush')
    expect(problems[0]).toContain('"ftp://***@gpu"')
  })
})

describe('unknown variables', () => {
  test.each([
    ['COMFYUI_API_DATADIR', ' Did you mean COMFYUI_API_DATA_DIR?'],
    ['COMFYUI_API_SUBMIT_AHED', ' Did you mean COMFYUI_API_SUBMIT_AHEAD?'],
    ['COMFYUI_API_PORT', ' Did you mean PORT?'],
    ['COMFYUI_API_XYZ', ''],
  ])('with our prefix, such as %s, are named together with the nearest known one', (name, hint) => {
    expect(load({ [name]: 'x' }).warnings).toEqual([`${name} is not a setting and has no effect.${hint}`])
  })

  test('of others are none of our business', () => {
    expect(load({ COMFYUI_PATH: 'x', PORTS: '1' }).warnings).toEqual([])
  })
})

describe('addresses of ComfyUI', () => {
  const instancesOf = (env: Environment, flags: Flags = {}) => load(env, flags).config.comfyui.instances

  test('come from a list in the variable or from a repeated flag', () => {
    const urls = ['http://one:8188', 'https://two.example']
    expect(instancesOf({ COMFYUI_URL: urls.join(' , ') }).map(({ url }) => url)).toEqual(urls)
    expect(instancesOf({}, { comfyuiUrl: urls }).map(({ url }) => url)).toEqual(urls)
  })

  test('keep their base path and lose a trailing slash', () => {
    expect(instancesOf({ COMFYUI_URL: 'https://gpu.example/comfy/a/' })).toMatchObject([
      { url: 'https://gpu.example/comfy/a' },
    ])
  })

  test('give their user and password to a header that is not printed', () => {
    const [instance] = instancesOf({ COMFYUI_URL: 'http://me:p%40ss@gpu:8188' })
    expect(instance?.url).toBe('http://gpu:8188')
    expect(instance?.authorization?.reveal()).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`)
    expect(JSON.stringify(instance) + inspect(instance)).not.toContain(instance?.authorization?.reveal())
  })

  test('are used once each', () => {
    const { config, warnings } = load({ COMFYUI_URL: 'http://gpu:8188,http://gpu:8188/' })
    expect(config.comfyui.instances).toHaveLength(1)
    expect(warnings).toEqual([expect.stringContaining('COMFYUI_URL')])
  })
})

describe('life behind a proxy', () => {
  test('a path and a public address lose the slash at their end', () => {
    const { proxying } = load({
      COMFYUI_API_BASE_PATH: '/a/b/',
      COMFYUI_API_PUBLIC_URL: 'https://API.example/c/',
    }).config
    expect(proxying).toMatchObject({ basePath: '/a/b', publicUrl: 'https://api.example/c' })
    expect(load({ COMFYUI_API_BASE_PATH: '/' }).config.proxying.basePath).toBe('')
  })

  test('proxies are counted, or named by address and network', () => {
    const trusted = (text: string) => load({ COMFYUI_API_TRUST_PROXY: text }).config.proxying.trustedProxies
    expect(trusted('2')).toBe(2)
    expect(trusted('loopback, 10.0.0.0/8,fd00::/8,192.0.2.7')).toEqual([
      'loopback',
      '10.0.0.0/8',
      'fd00::/8',
      '192.0.2.7',
    ])
    expect(trusted('off')).toBeUndefined()
  })

  test('limits that would count all callers as one are told', () => {
    const env = { COMFYUI_API_RATE_LIMIT: '9/1m', COMFYUI_API_BASE_PATH: '/comfy' }
    expect(load(env).warnings).toEqual([expect.stringContaining('--trust-proxy')])
    expect(load({ ...env, COMFYUI_API_TRUST_PROXY: '1' }).warnings).toEqual([])
    expect(load({ ...env, COMFYUI_API_KEY: key }).warnings).toEqual([])
    expect(load({ COMFYUI_API_RATE_LIMIT: '9/1m' }).warnings).toEqual([])
  })

  test('origins are kept as browsers send them', () => {
    const text = 'https://App.example:443/,http://localhost:5173,tauri://localhost'
    expect(load({ COMFYUI_API_CORS_ORIGIN: text }).config.security.corsOrigins).toEqual([
      'https://app.example',
      'http://localhost:5173',
      'tauri://localhost',
    ])
    expect(load({ COMFYUI_API_CORS_ORIGIN: '*', COMFYUI_API_KEY: key }).config.security.corsOrigins).toEqual(['*'])
  })

  test.each([
    ['120/1m', 120, 60],
    ['10/s', 10, 1],
    ['1000/24h', 1000, 86_400],
    ['5/90s', 5, 90],
  ])('%s is a rate', (text, requests, windowSeconds) => {
    expect(load({ COMFYUI_API_RATE_LIMIT: text }).config.server.rateLimit).toEqual({ requests, windowSeconds })
  })
})

describe('demo', () => {
  test('has no address, so that the simulator is started', () => {
    const { config } = load({}, { demo: true })
    expect(config.demo).toMatchObject({ isEnabled: true, isOverridden: false })
    expect(config.comfyui.instances).toEqual([])
  })

  test.each<[string, Environment, Flags]>([
    ['variable', { COMFYUI_URL: 'http://gpu:8188' }, { demo: true }],
    ['flag', {}, { demo: true, comfyuiUrl: ['http://gpu:8188'] }],
  ])('gives way to an address in a %s', (_, env, flags) => {
    const { config } = load(env, flags)
    expect(config.demo).toMatchObject({ isEnabled: false, isOverridden: true })
    expect(config.comfyui.instances).toMatchObject([{ url: 'http://gpu:8188' }])
  })
})

describe('faults', () => {
  test('are separated by blanks in the variable, because each may have commas', () => {
    const { config, warnings } = load(
      { COMFYUI_API_DEMO_FAULTS: 'crash-every=20  ws-close=progress,every=5' },
      { demo: true },
    )
    expect(config.demo.faults).toEqual(['crash-every=20', 'ws-close=progress,every=5'])
    expect(warnings).toEqual([])
  })

  test('come from a repeated flag', () => {
    expect(load({}, { demo: true, fault: ['oom', 'nan,times=1'] }).config.demo.faults).toEqual(['oom', 'nan,times=1'])
  })

  test('without the simulator have no effect, which is told', () => {
    expect(load({}, { fault: ['oom'] }).warnings).toEqual([expect.stringContaining('--fault has no effect')])
  })
})

describe('listening beyond this machine', () => {
  test.each(['0.0.0.0', '::', '[::]', '192.168.1.5', 'gateway.example', '::ffff:10.0.0.1'])(
    '%s needs a key or the explicit flag',
    (host) => {
      const [problem] = problemsOf({}, { host })
      expect(problem).toContain('--host')
      expect(problem).toContain('COMFYUI_API_KEY')
      expect(problem).toContain('--allow-insecure-bind')
      expect(load({ COMFYUI_API_KEY: key }, { host }).config.server.isLoopback).toBe(false)
      expect(load({}, { host, allowInsecureBind: true }).config.server.isLoopback).toBe(false)
    },
  )

  test.each(['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LOCALHOST'])('%s needs neither', (host) => {
    expect(load({}, { host }).config.server.isLoopback).toBe(true)
  })
})

describe('keys', () => {
  test('may be several, and are never printed', () => {
    const { config } = load({ COMFYUI_API_KEY: `${key},another-key-of-21-chars` })
    expect(config.security.apiKeys.map((secret) => secret.reveal())).toEqual([key, 'another-key-of-21-chars'])
    for (const printed of [JSON.stringify(config), inspect(config, { depth: 9 }), config.security.apiKeys.join()]) {
      expect(printed).not.toContain(key)
      expect(printed).toContain('***')
    }
  })
})

describe('workflow folders', () => {
  test('are absolute, in the given order, the shipped one first, so that the others win', () => {
    const expected = [place.shippedWorkflowsFolder, resolve(place.workingDirectory, 'mine'), resolve('/theirs')]
    expect(load({ WORKFLOW_DIR: ['mine', '/theirs'].join(delimiter) }).config.workflows.folders).toEqual(expected)
    expect(load({}, { workflows: ['mine', '/theirs'] }).config.workflows.folders).toEqual(expected)
  })

  test('leave out the shipped one on request, with a warning when nothing is left', () => {
    expect(load({}, { workflows: ['mine'], shippedWorkflows: false })).toMatchObject({
      config: { workflows: { folders: [resolve(place.workingDirectory, 'mine')] } },
      warnings: [],
    })
    expect(load({}, { shippedWorkflows: false }).warnings).toHaveLength(1)
  })
})

test('flags go by the names that commander gives them', () => {
  for (const setting of Object.values<Setting<unknown>>(settings)) {
    if (setting.flag !== undefined) expect(flagKey(setting.flag)).toBe(new Option(setting.flag).attributeName())
  }
})

describe('graphs of callers', () => {
  const takes = (env: Environment, flags: Flags = {}) => load(env, flags).config.security.takesRawPrompts
  const wide = { HOST: '0.0.0.0', COMFYUI_API_KEY: key }

  test('are taken where only this machine reaches the server', () => {
    expect(takes({})).toBe(true)
    expect(takes({ HOST: 'localhost', COMFYUI_API_RAW_PROMPTS: 'auto' })).toBe(true)
    expect(takes(wide)).toBe(false)
    expect(takes({ COMFYUI_API_PUBLIC_URL: 'https://api.example' })).toBe(false)
    expect(takes({ COMFYUI_API_BASE_PATH: '/comfy' })).toBe(false)
    expect(takes({ COMFYUI_API_TRUST_PROXY: '1' })).toBe(false)
  })

  test('are taken or not where that is asked for', () => {
    expect(takes({ ...wide, COMFYUI_API_RAW_PROMPTS: 'on' })).toBe(true)
    expect(takes({ COMFYUI_API_RAW_PROMPTS: 'on' }, { rawPrompts: 'off' })).toBe(false)
    expect(problemsOf({ COMFYUI_API_RAW_PROMPTS: 'yes' })).toEqual([
      'COMFYUI_API_RAW_PROMPTS must be one of auto, on, off; got "yes"',
    ])
  })
})

describe('the language model', () => {
  const keyed = { OPENROUTER_API_KEY: key }
  const modelProblems = (env: Environment, flags: Flags = {}) => {
    try {
      loadLanguageModel(env, flags)
      return []
    } catch (error) {
      return error instanceof ConfigError ? error.problems : [String(error)]
    }
  }

  test('is asked where there is a key, and not where somebody says so', () => {
    expect(loadLanguageModel({}, {})).toBeUndefined()
    expect(loadLanguageModel(keyed, { llm: false })).toBeUndefined()
    expect(loadLanguageModel({ ...keyed, COMFYUI_API_LLM: 'off' }, {})).toBeUndefined()
    expect(loadLanguageModel(keyed, {})).toEqual({
      baseUrl: 'https://openrouter.ai/api/v1',
      apiKey: expect.anything(),
      model: 'anthropic/claude-haiku-4.5',
    })
    expect(loadLanguageModel(keyed, {})?.apiKey.reveal()).toBe(key)
  })

  test('has an address that is encrypted or on this machine', () => {
    for (const url of [
      'https://llm.example/v1/',
      'http://127.0.0.1:11434/v1',
      'http://localhost:1',
      'http://[::1]:1/v1',
    ])
      expect(loadLanguageModel(keyed, { llmBaseUrl: url })?.baseUrl).toBe(url.replace(/\/$/, ''))
    for (const url of [
      'http://llm.example/v1',
      'https://me:pass@llm.example/v1',
      'https://llm.example/?a=1',
      'file:///a',
    ])
      expect(modelProblems(keyed, { llmBaseUrl: url }), url).toHaveLength(1)
  })

  test('is no reason for a server not to start, and its key is never shown', () => {
    const wrong = { OPENROUTER_API_KEY: 'with a blank', COMFYUI_API_LLM_BASE_URL: 'nowhere' }
    expect(problemsOf(wrong)).toEqual([])
    expect(modelProblems(wrong)).toHaveLength(2)
    expect(modelProblems(wrong).join()).not.toContain('blank')
    expect(modelProblems({ ...wrong, COMFYUI_API_LLM: 'no' })).toEqual([])
    expect(inspect(loadLanguageModel(keyed, {}), { depth: 9 })).not.toContain(key)
  })
})
