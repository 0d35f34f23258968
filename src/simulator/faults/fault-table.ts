/** Points in the life of a prompt and of a connection at which a fault may strike, in the order in which they come. */
export const moments = {
  now: 'when the fault is set, once',
  connect: 'a socket is open and has got its first `status`',
  upload: 'an upload was stored, before its answer',
  accepted: 'a prompt is in the queue, before its answer',
  queued: 'the answer to a submitted prompt is out',
  execution_start: '`execution_start` is out',
  progress: 'a `progress` message is out: every tick of a node that has ticks',
  executed: 'an `executed` message is out',
  'before-end': 'all nodes are done or one failed, nothing of it is told yet',
  'after-end': '`execution_success`, `execution_error` or `execution_interrupted` is out, the history has nothing yet',
  recorded: 'the history has the prompt, `executing(null)` is not out yet',
  released: '`executing(null)` is out',
  view: 'a file is about to be answered',
} as const

export type Moment = keyof typeof moments

function isMoment(name: string): name is Moment {
  return Object.hasOwn(moments, name)
}

const anyMoment = Object.keys(moments).filter(isMoment)

/** This moment, which is the default, and all others. */
function anyMomentBut(first: Moment): readonly Moment[] {
  return [first, ...anyMoment.filter((moment) => moment !== first)]
}

/** Groups of routes by the first part of their path. */
const routes = [
  'all',
  'prompt',
  'queue',
  'history',
  'jobs',
  'view',
  'upload',
  'interrupt',
  'object_info',
  'system_stats',
  'features',
  'free',
] as const

export interface FaultDefinition {
  /** What a client sees of it. */
  readonly description: string
  /** What `every`, `at` and `times` count. */
  readonly counts: string
  /** What may stand behind the name; the first is meant when nothing does. */
  readonly choices?: readonly string[]
  /** A time: `ms=500`, or behind the name where it has no choices. Without a default it lasts. */
  readonly ms?: { readonly means: string; readonly default?: number }
}

const atMoment = 'the chosen moment'
const submission = 'submitted prompts that are valid'

/** Everything that can be made to go wrong, in the order of the documentation. */
export const faultTable = {
  'prompt-delay': {
    description: 'The prompt is queued at once and its answer comes late.',
    counts: submission,
    ms: { means: 'how much later', default: 1000 },
  },
  'prompt-drop': {
    description: 'The prompt is queued and the connection ends without an answer.',
    counts: submission,
  },
  'events-first': {
    description: 'The prompt is queued and its answer comes only after all of its events.',
    counts: submission,
  },
  'prompt-500': {
    description: 'The answer is 500, yet the prompt is queued and runs.',
    counts: submission,
  },
  'prompt-refuse': {
    description: 'The prompt is refused with this status and is not queued.',
    counts: 'calls of `POST /prompt`',
    choices: ['500', '413', '403', '429', '503'],
  },
  'node-errors': {
    description: 'The answer is 200 with `node_errors` in it; the prompt runs.',
    counts: submission,
  },
  'prompt-deleted': {
    description: 'Somebody else deletes the waiting prompt: no event but `status`, no history.',
    counts: 'prompts that wait at the chosen moment',
    choices: ['accepted', 'queued'],
  },
  interrupted: {
    description: 'Somebody else interrupts the running prompt.',
    counts: atMoment,
    choices: ['execution_start', 'progress', 'executed'],
  },
  'interrupt-late': {
    description: 'An interrupt or a cancel of the running prompt is answered as always and comes too late: it runs on.',
    counts: 'interrupts and cancels that hit the running prompt',
  },
  'worker-death': {
    description:
      'After `execution_start` and `execution_cached` nothing comes any more, for this prompt and all later ones. HTTP lives on, and interrupting has no effect. Only a restart helps.',
    counts: 'started prompts',
  },
  'slow-node': {
    description: 'A node takes longer without any sign of life, and cannot be interrupted meanwhile.',
    counts: 'executed nodes',
    ms: { means: 'how much longer', default: 1000 },
  },
  oom: {
    description: 'A node runs out of memory: `execution_error` with `torch.OutOfMemoryError`.',
    counts: 'prompts that execute a node',
  },
  blocked: {
    description:
      'An `execution_error` of type `ExecutionBlocked`, without a time and not in the history; the prompt goes on and succeeds.',
    counts: 'prompts that succeed',
  },
  nan: {
    description: 'What the outputs show holds `NaN` and `Infinity`: in `executed`, history and jobs.',
    counts: 'executed nodes that show something',
  },
  'slow-history': {
    description: 'Between the terminal event and the entry in the history there is time.',
    counts: 'ended prompts',
    ms: { means: 'how much', default: 500 },
  },
  'history-lost': {
    description: 'The history entry is gone as soon as it was written: this one, or all with it.',
    counts: 'ended prompts',
    choices: ['one', 'all'],
  },
  restart: {
    description:
      'The process ends and starts again on the same port: queue, history, counters and temporary files are gone, sockets close with 1006, connections are refused meanwhile.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
    ms: { means: 'how long connections are refused', default: 500 },
  },
  crash: {
    description: 'As `restart`, but the process stays away until it is revived.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
  },
  refuse: {
    description:
      'New connections are refused and open ones without a WebSocket end, while prompts and sockets live on.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
    ms: { means: 'for how long', default: 500 },
  },
  'ws-close': {
    description: 'All sockets close with 1006.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
  },
  'ws-half-open': {
    description: 'All sockets that are open go dead without closing: no messages, no pongs. New ones work.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
  },
  'ws-deaf': {
    description: 'All sockets that are open get no message any more; they stay open and answer pings. New ones work.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
  },
  'ws-stall': {
    description:
      'No socket, old or new, gets any message but its first `status`; HTTP works and prompts run. Afterwards everything comes, complete and late.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
    ms: {
      means: 'for how long; otherwise until a restart or until the fault is cleared, and nothing comes afterwards',
    },
  },
  'ws-garbage': {
    description:
      'All sockets get messages of unknown types, texts that are no JSON, and binary frames that are unknown, cut short or empty.',
    counts: atMoment,
    choices: anyMomentBut('execution_start'),
  },
  delay: {
    description: 'Requests of these routes are answered late.',
    counts: 'requests of the chosen routes',
    choices: routes,
    ms: { means: 'how much later', default: 10_000 },
  },
  'http-500': {
    description: 'Requests of these routes are answered with 500 and do nothing.',
    counts: 'requests of the chosen routes',
    choices: ['jobs', ...routes.filter((route) => route !== 'jobs')],
  },
  view: {
    description:
      'A file is answered with 404, with 500, with half of its bytes before the connection ends, with no bytes, with a page in its place, as `text/html`, or drop by drop.',
    counts: 'answers with a file in them',
    choices: ['404', '500', 'half', 'empty', 'page', 'wrong-type', 'drip'],
    ms: { means: 'how long all drops together take', default: 2000 },
  },
  'upload-lost': {
    description: 'The upload is answered as always and the file is not there.',
    counts: 'stored uploads',
  },
} as const satisfies Record<string, FaultDefinition>

export type FaultName = keyof typeof faultTable

export const faultNames: readonly FaultName[] = Object.keys(faultTable).filter(isFaultName)

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(faultTable, name)
}

export function faultDefinition(name: FaultName): FaultDefinition {
  return faultTable[name]
}

/** How a fault is written, in brackets what may be left out. */
export function faultSyntax(name: FaultName): string {
  const { choices, ms } = faultDefinition(name)
  if (choices !== undefined) return `${name}[=${choices.join('|')}]${ms === undefined ? '' : '[,ms=N]'}`
  return ms === undefined ? name : `${name}[=MS]`
}
