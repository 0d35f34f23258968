import { toServerSentEvent } from '../events/written-event.ts'
import { jobExample } from './examples.ts'
import { instanceExample } from './workflow-examples.ts'

const { id, workflow, outputs } = jobExample
const progress = {
  value: 0.55,
  nodes_done: 3,
  nodes_total: 7,
  current_node: '3',
  current_node_class: 'KSampler',
  step: 11,
  steps: 20,
}
const about = { job_id: id, workflow }

/** What `text/event-stream` holds where one job is followed. */
export const jobEventsExample = streamOf(
  ['progress', progress],
  ...outputs.map((output): Event => ['output', output]),
  ['end', jobExample],
)

/** The same where all jobs are. */
export const allEventsExample = streamOf(
  ['progress', { ...about, progress }],
  ...outputs.map((output): Event => ['output', { ...about, output }]),
  ['end', { ...about, job: jobExample }],
  ['instance', instanceExample],
)

type Event = readonly [type: string, data: object]

function streamOf(...events: readonly Event[]): string {
  return events
    .map(([type, data], index) => toServerSentEvent({ id: `4f2a91c3-${index + 3}`, type, json: JSON.stringify(data) }))
    .join('')
}
