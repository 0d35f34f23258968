import { createMetrics, type Metrics } from '../../src/observability/metrics.ts'

/** docs/observability.md, with the table of metrics. */
export function renderObservability(): string {
  return [
    '<!-- Generated from src/observability by `npm run docs:generate`; the text is in scripts/docs/render-observability.ts. -->',
    '# Watching it run',
    'The gateway tells what it does in three ways: metrics for dashboards and alerts, one log line for each job, and, ' +
      'where you have a collector, spans of OpenTelemetry. All three name the same ids, so that each leads to the others.',
    ...ids,
    ...renderMetrics(),
    ...log,
    ...tracing,
    '',
  ].join('\n\n')
}

const ids = [
  '## From a request to its prompt, and back',
  table(
    ['Id', 'Where it is'],
    [
      [
        'Request',
        'Header `X-Request-Id` of every answer: the one that you sent (letters, digits and `._:-`, up to 128), or a new one. ' +
          '`request_id` in problems and in the job, `requestId` in the log.',
      ],
      ['Job', '`Job-Id` header, `id` of the job, `jobId` in the log, `comfyui_api.job.id` in spans.'],
      [
        'Trace',
        'The `traceparent` that you sent (W3C Trace Context) is continued, without a collector as well: `trace_id` in ' +
          'problems and in the job, `traceId` in the log. One that is not well formed counts as not sent. Nothing is decided by it ' +
          'but which trace the request belongs to, and whether its spans are kept.',
      ],
      [
        'Prompt',
        '`promptId` in the log, `comfyui_api.prompt.id` in spans: the id in the queue and history of ComfyUI.',
      ],
    ],
  ),
  'Every prompt carries where it comes from in its `extra_data`. ComfyUI shows that at `/queue` and `/history` and does ' +
    'nothing else with it; it does not get into the files:',
  '```json\n{ "comfyui_api": { "job_id": "…", "request_id": "…", "workflow": "qwen/qwen_base_txt2img", "trace_id": "…" } }\n```',
]

function renderMetrics(): string[] {
  return [
    '## Metrics',
    '`GET /metrics` answers in the text format of Prometheus. It needs a key like everything else, where keys are set:',
    '```yaml\n' +
      [
        'scrape_configs:',
        '  - job_name: comfyui-api',
        '    authorization: { credentials_file: /etc/prometheus/comfyui-api.key }',
        '    static_configs: [{ targets: ["gateway.example.com:3000"] }]',
      ].join('\n') +
      '\n```',
    'The values of labels are bounded: `workflow` is the name of a workflow, or `prompt` for graphs sent to `POST /prompt`; ' +
      '`route` is the pattern of a route, and `none` where there was no route. A request that is for no workflow is for the route `/{workflow}` ' +
      'all the same. What is beyond 500 workflows or 200 instances is counted as `other`. Scraping makes the gateway ask its instances for their free memory, ' +
      'in the background and at most every ten seconds.',
    renderTable(),
    '## Queries',
    ...queries.map(({ text, query }) => `${text}\n\n\`\`\`promql\n${query}\n\`\`\``),
    '## Alerts',
    `\`\`\`yaml\ngroups:\n  - name: comfyui-api\n    rules:\n${alerts.map(renderAlert).join('\n')}\n\`\`\``,
  ]
}

function renderTable(): string {
  const metrics: Metrics = createMetrics({
    version: '',
    instances: () => [],
    workflows: () => ({ ready: 0, notReady: 0, unknown: 0 }),
    outputs: () => ({ keptBytes: 0, removedOutputs: 0 }),
    openJobs: () => ({ queued: 0, running: 0, canceling: 0, waiting: 0, oldestWaitingSinceMs: undefined }),
  })
  metrics.close()
  return table(
    ['Metric', 'Type', 'Labels', 'Meaning'],
    metrics.descriptions.map(({ name, type, labels, help }) => [
      `\`${name}\``,
      type,
      labels.map((label) => `\`${label}\``).join(', '),
      help,
    ]),
  )
}

const queries = [
  {
    text: 'How long callers wait for an instance, 95th percentile by workflow:',
    query: 'histogram_quantile(0.95, sum by (le, workflow) (rate(comfyui_api_job_queue_duration_seconds_bucket[15m])))',
  },
  {
    text: 'How long good jobs take in all, median by workflow:',
    query:
      'histogram_quantile(0.5, sum by (le, workflow) (rate(comfyui_api_job_duration_seconds_bucket{outcome="succeeded"}[15m])))',
  },
  {
    text: 'Jobs a minute, by how they ended:',
    query: 'sum by (outcome) (rate(comfyui_api_jobs_total[5m])) * 60',
  },
  {
    text: 'How busy each GPU is, 0 to 1. Near 1 all the time, with a queue, means that another instance pays off:',
    query: 'avg_over_time(comfyui_api_instance_running[15m])',
  },
  {
    text: 'Attempts that instances spoilt, as part of all of theirs:',
    query:
      'sum by (comfyui_instance) (rate(comfyui_api_job_attempts_total{outcome="lost"}[1h])) / sum by (comfyui_instance) (rate(comfyui_api_job_attempts_total[1h]))',
  },
  {
    text: 'Requests a second, by route and status:',
    query: 'sum by (route, status) (rate(comfyui_api_http_request_duration_seconds_count[5m]))',
  },
]

const alerts = [
  {
    name: 'ComfyuiApiNoInstance',
    expr: 'sum by (instance) (comfyui_api_instance_up) == 0',
    duration: '1m',
    text: 'No ComfyUI instance takes jobs.',
  },
  {
    name: 'ComfyuiApiInstanceDown',
    expr: 'comfyui_api_instance_up == 0 unless on (instance, comfyui_instance) comfyui_api_instance_state{state="draining"} == 1',
    duration: '5m',
    text: '{{ $labels.comfyui_instance }} takes no jobs. GET /instances says why.',
  },
  {
    name: 'ComfyuiApiInstanceStuck',
    expr: 'comfyui_api_instance_state{state="stuck"} == 1',
    duration: '0m',
    text: 'The worker of {{ $labels.comfyui_instance }} died. Only a restart of ComfyUI helps.',
  },
  {
    name: 'ComfyuiApiInstanceSilent',
    expr: 'time() - comfyui_api_instance_last_heard_timestamp_seconds > 240 and on (instance, comfyui_instance) comfyui_api_instance_running == 1',
    duration: '0m',
    text: '{{ $labels.comfyui_instance }} runs a job and has said nothing for four minutes.',
  },
  {
    name: 'ComfyuiApiJobsFail',
    expr: 'sum by (workflow) (rate(comfyui_api_jobs_total{outcome=~"failed|expired"}[15m])) / sum by (workflow) (rate(comfyui_api_jobs_total[15m])) > 0.1',
    duration: '10m',
    text: 'More than a tenth of the jobs of {{ $labels.workflow }} fail.',
  },
  {
    name: 'ComfyuiApiQueueOld',
    expr: 'comfyui_api_queue_oldest_age_seconds > 600',
    duration: '5m',
    text: 'A job has waited for an instance for more than ten minutes.',
  },
  {
    name: 'ComfyuiApiOutOfMemory',
    expr: 'sum by (comfyui_instance, workflow) (increase(comfyui_api_job_out_of_memory_total[1h])) > 3',
    duration: '0m',
    text: '{{ $labels.workflow }} is too large for {{ $labels.comfyui_instance }}.',
  },
  {
    name: 'ComfyuiApiEventLoopSlow',
    expr: 'nodejs_eventloop_lag_p99_seconds > 0.2',
    duration: '5m',
    text: 'The gateway itself is short of CPU.',
  },
  {
    name: 'ComfyuiApiFilesRunOut',
    expr: 'process_open_fds / process_max_fds > 0.8',
    duration: '5m',
    text: 'The gateway has nearly as many connections and files open as it may.',
  },
]

function renderAlert({ name, expr, duration, text }: (typeof alerts)[number]): string {
  return [
    `      - alert: ${name}`,
    `        expr: ${expr.includes(': ') || expr.includes('"') ? `'${expr}'` : expr}`,
    `        for: ${duration}`,
    `        annotations: { summary: "${text}" }`,
  ].join('\n')
}

const log = [
  '## Log',
  'Each job makes one line when it ends, `job ended`: at `info`, or at `warn` when it failed or expired. `LOG_LEVEL` and ' +
    '`COMFYUI_API_LOG_FORMAT` are described in [configuration.md](configuration.md#logging).',
  table(
    ['Field', 'Meaning'],
    [
      ['`jobId`, `promptId`, `requestId`, `traceId`', 'See above. `traceId` only where there is a trace.'],
      ['`workflow`', 'Name of the workflow, or `prompt`.'],
      ['`instance`', 'The instance that had the job last.'],
      ['`outcome`', '`succeeded`, `failed`, `canceled` or `expired`.'],
      ['`attempts`', 'How often it was given to an instance.'],
      ['`outputs`', 'Number of files and texts that it made.'],
      ['`queueMs`, `runMs`, `totalMs`', 'How long it waited, ran, and took in all. No `runMs` where it never ran.'],
      ['`code`, `reason`', 'Why it failed or expired: a code of [errors.md](errors.md), and a sentence.'],
    ],
  ),
  'At `debug` each answered request makes one as well, `request answered`, with `requestId`, `traceId`, `method`, `path` ' +
    '(without the query), `status`, `durationMs` and `ip`. At other levels nothing is done for it.',
  'Keys, authorization headers, cookies, queries, parameters and media are not logged. A `reason` is what ComfyUI or a node ' +
    'said, which may repeat a value of the prompt.',
]

const tracing = [
  '## Spans',
  'Where the standard variables of OpenTelemetry name a collector, the gateway sends it spans by OTLP, as JSON over HTTP ' +
    '(usually port 4318). Without them nothing of OpenTelemetry is even loaded.',
  '```sh\nOTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 OTEL_SERVICE_NAME=images comfyui-api serve\n```',
  [
    '```text',
    'POST /*                       the request, below the span of its caller',
    '└─ job qwen/qwen_base_txt2img the job, which may outlive the request',
    '   ├─ queue                   waits in the gateway; once more before each further attempt',
    '   └─ attempt                 on one instance',
    '      ├─ submit               uploads of inputs, and the prompt',
    '      ├─ run                  ComfyUI executes it',
    '      └─ fetch outputs        copies what it made',
    '```',
  ].join('\n'),
  'Probes (`/health`, `/ready`, `/metrics`) and WebSockets make no spans. A job that is still open when the gateway stops ' +
    'ends its span with the outcome `open`, and goes on in another span below the same request.',
  table(
    ['Variable', 'Meaning'],
    [
      ['`OTEL_EXPORTER_OTLP_ENDPOINT`', 'Address of the collector; `/v1/traces` is appended.'],
      ['`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`', 'Whole address for spans. Wins over the other.'],
      [
        '`OTEL_TRACES_EXPORTER`',
        '`otlp` sends to `http://localhost:4318` where no address is given; `none` sends nothing.',
      ],
      ['`OTEL_SDK_DISABLED`', '`true` sends nothing.'],
      [
        '`OTEL_EXPORTER_OTLP_HEADERS`, `_TIMEOUT`, `_COMPRESSION`, `_CERTIFICATE`, `_CLIENT_KEY`, `_CLIENT_CERTIFICATE`',
        'As OpenTelemetry defines them, also with `TRACES_` before their last part.',
      ],
      [
        '`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`',
        'What the service is called (`comfyui-api` otherwise), and more about it.',
      ],
      [
        '`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`',
        '`always_on`, `always_off`, `traceidratio` with a part from 0 to 1, or one of them with `parentbased_` before it, ' +
          'which keeps what the caller keeps. `parentbased_always_on` otherwise.',
      ],
    ],
  ),
  'A value that cannot be used makes a warning at the start and counts as not set. A collector that is down is told in ' +
    'the log once, costs no job anything, and at most 2048 spans of memory; spans beyond these are dropped. At the end ' +
    'the gateway takes two seconds to send what is left. OpenTelemetry is loaded only when ' +
    'these variables ask for it; where it is not installed, the log says so and all goes on without spans.',
]

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
