import type { Instruments } from './instruments.ts'

/** One answered request. */
export interface MeasuredRequest {
  readonly method: string
  /** Pattern of the route, never the path that was asked for. */
  readonly route: string
  readonly status: number
  readonly seconds: number
}

export interface HttpRequestMetrics {
  readonly observeRequest: (request: MeasuredRequest) => void
  readonly setOpenStreams: (count: number) => void
}

/** From answers out of memory to the longest that a request waits for its job. */
const requestBuckets = [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120, 300]

export function createHttpMetrics(instruments: Instruments, prefix: string): HttpRequestMetrics {
  const duration = instruments.histogram({
    name: `${prefix}http_request_duration_seconds`,
    help: 'Time from the head of a request to the end of its answer. Requests that wait for their job, and event streams, take as long as these.',
    labels: ['method', 'route', 'status'],
    buckets: requestBuckets,
  })
  const streams = instruments.gauge({
    name: `${prefix}event_streams_open`,
    help: 'Streams of events that callers read now.',
  })
  streams.set(0)
  const routeNames = new Map<string, string>()

  return {
    observeRequest({ method, route, status, seconds }) {
      let name = routeNames.get(route)
      if (name === undefined) {
        name = nameOfRoute(route)
        routeNames.set(route, name)
      }
      duration.observe({ method, route: name, status }, seconds)
    },
    setOpenStreams(count) {
      streams.set(count)
    },
  }
}

/** As the OpenAPI document writes it. All workflows are behind one route, and so is what is none. */
function nameOfRoute(pattern: string): string {
  if (pattern === '/*') return '/{workflow}'
  return pattern.replace(/:(\w+)/g, '{$1}')
}
