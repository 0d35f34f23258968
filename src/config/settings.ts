import { choice, decimalNumber, orOff, several, single, wholeNumber, yesOrNo } from './setting.ts'
import { urlAllowance } from './url-allowance.ts'
import {
  comfyuiAddress,
  faultText,
  file,
  folder,
  hostName,
  hostNameOrAny,
  modelFile,
  modelId,
  proxies,
  publicAddress,
  rate,
  secretText,
  serviceAddress,
  urlPath,
  webOrigin,
  workflowName,
} from './value-kinds.ts'

/** Every variable that begins with this is one of ours. */
export const envPrefix = 'COMFYUI_API_'

export const minApiKeyLength = 16

const oneDaySeconds = 86_400
const oneWeekSeconds = 7 * oneDaySeconds

/**
 * Everything that can be set, in the order of the documentation. `docs/configuration.md` and `--help` are made from this
 * table. Units are part of the names.
 */
export const settings = {
  port: single(wholeNumber(0, 65_535), {
    env: 'PORT',
    flag: '--port <number>',
    group: 'Server',
    default: '3000',
    description: 'TCP port to listen on. 0 takes any free one.',
  }),
  host: single(hostName, {
    env: 'HOST',
    flag: '--host <host>',
    group: 'Server',
    default: '127.0.0.1',
    description: 'Host name or address to listen on. Anything wider than this machine needs a key.',
  }),
  maxBodyMb: single(wholeNumber(1, 1024, 'MiB'), {
    env: 'COMFYUI_API_MAX_BODY_MB',
    envAliases: ['MAX_BODY_SIZE_MB'],
    flag: '--max-body-mb <number>',
    group: 'Server',
    default: '32',
    description:
      'Largest request body that is held in memory: JSON, files in base64 included, and the texts of a form.',
  }),
  maxFileMb: single(wholeNumber(1, 102_400, 'MiB'), {
    env: 'COMFYUI_API_MAX_FILE_MB',
    flag: '--max-file-mb <number>',
    group: 'Server',
    default: '512',
    description:
      'Largest file that is taken as such: as a part of a form, or as an asset. It goes to the disk as it comes.',
  }),
  syncHoldSeconds: single(wholeNumber(1, 600, 'seconds'), {
    env: 'COMFYUI_API_SYNC_HOLD_SECONDS',
    group: 'Server',
    default: '300',
    description: 'How long a request waits for its job. After that it gets 202 and the address of the job.',
  }),
  onDisconnect: single(choice(['cancel', 'keep']), {
    env: 'COMFYUI_API_ON_DISCONNECT',
    flag: '--on-disconnect <what>',
    group: 'Server',
    default: 'cancel',
    description: 'What happens to the job of a caller who goes away and left no way to ask for it later.',
  }),
  drainSeconds: single(wholeNumber(0, 3600, 'seconds'), {
    env: 'COMFYUI_API_DRAIN_SECONDS',
    group: 'Server',
    default: '30',
    description: 'How long a stopping server waits for open requests. Jobs that are not done go on at the next start.',
  }),

  basePath: single(urlPath, {
    env: 'COMFYUI_API_BASE_PATH',
    flag: '--base-path <path>',
    group: 'Server',
    default: '/',
    description:
      'Path below which everything is served, for a proxy that passes it on. /health, /ready and /metrics answer at the root as well.',
  }),
  publicUrl: single(orOff(publicAddress), {
    env: 'COMFYUI_API_PUBLIC_URL',
    flag: '--public-url <url>',
    group: 'Server',
    default: 'off',
    description:
      'Address under which callers know the server. Its path stands in front of all links, also where a proxy takes it away; its host is answered to.',
  }),

  apiKeys: several(secretText(minApiKeyLength), {
    env: 'COMFYUI_API_KEY',
    group: 'Security',
    separator: 'comma',
    description: 'Keys that callers must send, separated by commas. Without one, no key is asked for.',
  }),
  allowInsecureBind: single(yesOrNo(), {
    env: 'COMFYUI_API_ALLOW_INSECURE_BIND',
    flag: '--allow-insecure-bind',
    group: 'Security',
    default: 'false',
    description: 'Listen beyond this machine without a key. Only where something else protects the server.',
  }),
  allowedHosts: several(hostNameOrAny, {
    env: 'COMFYUI_API_ALLOWED_HOSTS',
    flag: '--allowed-hosts <host>',
    group: 'Security',
    separator: 'comma',
    description: 'Further names in the Host header that are answered, besides loopback and the address listened on.',
  }),
  rawPrompts: single(choice(['auto', 'on', 'off']), {
    env: 'COMFYUI_API_RAW_PROMPTS',
    flag: '--raw-prompts <when>',
    group: 'Security',
    default: 'auto',
    description:
      'Take graphs of callers at POST /prompt, which can run any node that ComfyUI has. auto takes them where only this machine reaches the server: on a loopback address, with neither a base path, a public URL nor a trusted proxy.',
  }),

  urlInputs: single(choice(['on', 'off']), {
    env: 'COMFYUI_API_URL_INPUTS',
    flag: '--url-inputs <when>',
    group: 'Security',
    default: 'on',
    description:
      'Fetch media that callers give by URL: https, from hosts with public addresses only, on ports 80 and 443.',
  }),
  urlAllow: several(urlAllowance, {
    env: 'COMFYUI_API_URL_ALLOW',
    flag: '--url-allow <host>',
    group: 'Security',
    separator: 'comma',
    description:
      'Fetch media from these hosts and no others. The addresses of a named host must still be public; a network that is named may be any, such as 10.0.0.5:9000.',
  }),
  urlHttp: single(yesOrNo(), {
    env: 'COMFYUI_API_URL_HTTP',
    flag: '--url-http',
    group: 'Security',
    default: 'false',
    description: 'Fetch media by http as well, which anybody on the way can read and change.',
  }),

  outputMetadata: single(choice(['auto', 'keep', 'strip']), {
    env: 'COMFYUI_API_OUTPUT_METADATA',
    flag: '--output-metadata <what>',
    group: 'Security',
    default: 'auto',
    description:
      'Whether outputs keep the texts that ComfyUI writes into them, such as the whole prompt. auto strips them where callers need a key. A call may ask for the other with output_metadata, but with strip none are kept.',
  }),
  trustProxy: single(orOff(proxies), {
    env: 'COMFYUI_API_TRUST_PROXY',
    flag: '--trust-proxy <proxies>',
    group: 'Security',
    default: 'off',
    description:
      'Proxies whose X-Forwarded-For, -Host and -Proto headers are believed: their addresses and networks, or how many there are in a row, where nobody else can reach the server.',
  }),
  corsOrigins: several(webOrigin, {
    env: 'COMFYUI_API_CORS_ORIGIN',
    flag: '--cors-origin <origin>',
    group: 'Security',
    separator: 'comma',
    description:
      'Web pages of this origin may use the API from a browser. * lets every page, and needs a key. None by default.',
  }),
  rateLimit: single(orOff(rate), {
    env: 'COMFYUI_API_RATE_LIMIT',
    flag: '--rate-limit <rate>',
    group: 'Security',
    default: 'off',
    description:
      'Requests that may start jobs or upload assets, such as 120/1m, for each key, or for each address of a caller where no key is asked for.',
  }),
  maxStreamsPerKey: single(wholeNumber(1, 2000), {
    env: 'COMFYUI_API_MAX_STREAMS_PER_KEY',
    group: 'Security',
    default: '100',
    description:
      'Event streams, WebSockets among them, that one key may have open at the same time, or one address of a caller where no key is asked for. More are refused with too_many_streams.',
  }),

  comfyuiUrls: several(comfyuiAddress, {
    env: 'COMFYUI_URL',
    flag: '--comfyui-url <url>',
    group: 'ComfyUI',
    separator: 'comma',
    description:
      'Address of ComfyUI; several for several instances. A base path is kept, user and password are sent as a header.',
  }),
  instanceFiles: several(file, {
    env: 'COMFYUI_API_INSTANCES_FILE',
    flag: '--instances-file <file>',
    group: 'ComfyUI',
    separator: 'path delimiter',
    description:
      'File with an address of ComfyUI on each line, beside those given otherwise. It is read again when it changes and on SIGHUP: instances come and go without a restart, and one that goes ends its jobs first.',
  }),
  submitAhead: single(wholeNumber(0, 16), {
    env: 'COMFYUI_API_SUBMIT_AHEAD',
    flag: '--submit-ahead <number>',
    group: 'ComfyUI',
    default: '1',
    description: 'Jobs that wait on an instance beside the one that runs. The rest waits in the gateway.',
  }),
  connectTimeoutSeconds: single(wholeNumber(1, 60, 'seconds'), {
    env: 'COMFYUI_API_CONNECT_TIMEOUT_SECONDS',
    group: 'ComfyUI',
    default: '2',
    description: 'Time for a connection to an instance.',
  }),
  submitTimeoutSeconds: single(wholeNumber(1, 600, 'seconds'), {
    env: 'COMFYUI_API_SUBMIT_TIMEOUT_SECONDS',
    group: 'ComfyUI',
    default: '30',
    description: 'Time for an instance to answer a submitted prompt.',
  }),
  fetchTimeoutSeconds: single(wholeNumber(1, 3600, 'seconds'), {
    env: 'COMFYUI_API_FETCH_TIMEOUT_SECONDS',
    group: 'ComfyUI',
    default: '60',
    description: 'Longest silence of an instance while anything else is read from it, such as an output.',
  }),

  predictRefusals: single(choice(['on', 'off']), {
    env: 'COMFYUI_API_PREDICT_REFUSALS',
    flag: '--predict-refusals <when>',
    group: 'ComfyUI',
    default: 'on',
    description:
      'Refuse what ComfyUI would refuse before it is queued, by its rules and by what the instances told of their nodes and models. off lets every job go to an instance first, as custom nodes need that check values in their own way.',
  }),

  workflowFolders: several(folder, {
    env: 'WORKFLOW_DIR',
    flag: '--workflows <folder>',
    group: 'Workflows',
    separator: 'path delimiter',
    description:
      'Folder with your workflow modules; several are served together. Where two have a name, the later one wins; the shipped workflows give way to yours.',
  }),
  shippedWorkflows: single(yesOrNo(), {
    env: 'COMFYUI_API_SHIPPED_WORKFLOWS',
    flag: '--no-shipped-workflows',
    group: 'Workflows',
    default: 'true',
    description: 'Serve the workflows that come with this program as well.',
    flagDescription: 'Do not serve the workflows that come with this program.',
  }),
  watch: single(choice(['native', 'poll', 'off']), {
    env: 'COMFYUI_API_WATCH',
    flag: '--watch <how>',
    group: 'Workflows',
    default: 'native',
    description:
      'How changes of workflow files are noticed. Some network and container mounts need poll. SIGHUP always reloads.',
  }),
  requiredWorkflows: several(workflowName, {
    env: 'COMFYUI_API_REQUIRE',
    flag: '--require <workflow>',
    group: 'Workflows',
    separator: 'comma',
    description:
      'Workflow without which the server is not ready: GET /ready answers 503 until an instance can run it. Several may be named.',
  }),
  warmupCheckpoint: single(orOff(modelFile), {
    env: 'COMFYUI_API_WARMUP_CHECKPOINT',
    group: 'Workflows',
    default: 'off',
    description:
      'Checkpoint that workflow modules written for Salad’s comfyui-api find as config.warmupCkpt, which most of them take as the default of their checkpoint.',
  }),

  dataDir: single(folder, {
    env: 'COMFYUI_API_DATA_DIR',
    flag: '--data-dir <folder>',
    group: 'Jobs',
    default: '.comfyui-api',
    description: 'Where jobs, inputs and outputs are kept. One running server per folder.',
  }),
  jobStore: single(choice(['sqlite', 'memory']), {
    env: 'COMFYUI_API_JOB_STORE',
    flag: '--job-store <kind>',
    group: 'Jobs',
    default: 'sqlite',
    description:
      'Where jobs are remembered. With memory they are forgotten when the server stops, and small outputs with them.',
  }),
  maxQueued: single(wholeNumber(1, 1_000_000), {
    env: 'COMFYUI_API_MAX_QUEUED',
    flag: '--max-queued <number>',
    group: 'Jobs',
    default: '1000',
    description: 'Jobs that may wait at the same time. More are refused with queue_full.',
  }),
  maxQueuedPerKey: single(orOff(wholeNumber(1, 1_000_000)), {
    env: 'COMFYUI_API_MAX_QUEUED_PER_KEY',
    flag: '--max-queued-per-key <number>',
    group: 'Jobs',
    default: 'off',
    description:
      'Jobs of one key, or of one address where no key is asked for, that may wait at the same time. More are refused with too_many_queued.',
  }),
  maxAttempts: single(wholeNumber(1, 10), {
    env: 'COMFYUI_API_MAX_ATTEMPTS',
    group: 'Jobs',
    default: '2',
    description: 'How often a job is given to an instance before it fails because instances lost it.',
  }),
  runTimeoutSeconds: single(wholeNumber(1, oneDaySeconds, 'seconds'), {
    env: 'COMFYUI_API_RUN_TIMEOUT_SECONDS',
    group: 'Jobs',
    default: '600',
    description: 'Longest run of a job on an instance.',
  }),
  queueTimeoutSeconds: single(wholeNumber(1, oneWeekSeconds, 'seconds'), {
    env: 'COMFYUI_API_QUEUE_TIMEOUT_SECONDS',
    group: 'Jobs',
    default: '86400',
    description: 'Longest wait of a job in the queue.',
  }),
  stallTimeoutSeconds: single(wholeNumber(1, oneDaySeconds, 'seconds'), {
    env: 'COMFYUI_API_STALL_TIMEOUT_SECONDS',
    group: 'Jobs',
    default: '300',
    description: 'Longest time without any sign of progress from a running job.',
  }),
  retentionHours: single(wholeNumber(1, 8760, 'hours'), {
    env: 'COMFYUI_API_RETENTION_HOURS',
    group: 'Jobs',
    default: '24',
    description: 'How long an ended job and its outputs are kept.',
  }),
  assetRetentionHours: single(wholeNumber(1, 8760, 'hours'), {
    env: 'COMFYUI_API_ASSET_RETENTION_HOURS',
    flag: '--asset-retention-hours <number>',
    group: 'Jobs',
    default: '24',
    description: 'How long an asset is kept after it was last uploaded or used.',
  }),
  outputs: single(choice(['keep', 'stream']), {
    env: 'COMFYUI_API_OUTPUTS',
    flag: '--outputs <what>',
    group: 'Jobs',
    default: 'keep',
    description:
      'With stream an output is not kept when the caller who ran the job took it whole, by Accept: image/* or the like, and cannot come back for it with an id or an Idempotency-Key. All others are.',
  }),
  outputsMaxGb: single(orOff(decimalNumber(0.001, 1_000_000, 'GiB')), {
    env: 'COMFYUI_API_OUTPUTS_MAX_GB',
    flag: '--outputs-max-gb <number>',
    group: 'Jobs',
    default: '10',
    description:
      'When all outputs together are larger, the oldest are removed, but for those that are being read. Their jobs stay, and say that the output has expired.',
  }),

  languageModelKey: single(orOff(secretText(1)), {
    env: 'OPENROUTER_API_KEY',
    group: 'Language model',
    command: 'generate-workflow',
    default: 'off',
    description:
      'Key of OpenRouter, or of the service at the base URL. With one, generate-workflow asks a language model for names and descriptions.',
  }),
  languageModelUrl: single(serviceAddress, {
    env: 'COMFYUI_API_LLM_BASE_URL',
    flag: '--llm-base-url <url>',
    group: 'Language model',
    command: 'generate-workflow',
    default: 'https://openrouter.ai/api/v1',
    description: 'Address of a service that is compatible with OpenAI, below which /chat/completions is.',
  }),
  languageModelId: single(modelId, {
    env: 'COMFYUI_API_LLM_MODEL',
    flag: '--llm-model <model>',
    group: 'Language model',
    command: 'generate-workflow',
    default: 'anthropic/claude-haiku-4.5',
    description: 'Model that is asked, as the service calls it.',
  }),
  languageModel: single(yesOrNo(), {
    env: 'COMFYUI_API_LLM',
    flag: '--no-llm',
    group: 'Language model',
    command: 'generate-workflow',
    default: 'true',
    description: 'Ask a language model where there is a key.',
    flagDescription: 'Ask no language model.',
  }),

  logLevel: single(choice(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']), {
    env: 'LOG_LEVEL',
    flag: '--log-level <level>',
    group: 'Logging',
    default: 'info',
    description: 'Least severe log line that is written.',
  }),
  logFormat: single(choice(['auto', 'json', 'pretty']), {
    env: 'COMFYUI_API_LOG_FORMAT',
    flag: '--log-format <format>',
    group: 'Logging',
    default: 'auto',
    description:
      'json writes one object a line; pretty is for people; auto is pretty on a terminal and json elsewhere.',
  }),

  demo: single(yesOrNo(), {
    env: 'COMFYUI_API_DEMO',
    flag: '--demo',
    group: 'Demo',
    default: 'false',
    description: 'Run against the built-in simulator, unless an address of ComfyUI is given. No GPU is used.',
  }),
  demoStepMs: single(wholeNumber(0, 10_000, 'milliseconds'), {
    env: 'COMFYUI_API_DEMO_STEP_MS',
    group: 'Demo',
    default: '40',
    description: 'Time the simulator takes for one sampling step.',
  }),
  demoFaults: several(faultText, {
    env: 'COMFYUI_API_DEMO_FAULTS',
    flag: '--fault <fault>',
    group: 'Demo',
    separator: 'blank',
    description: 'What goes wrong in the simulator, to see how your client takes it.',
  }),
} as const
