import { expect, test } from 'vitest'
import { readTracing } from './read-tracing.ts'

function read(env: Readonly<Record<string, string>>) {
  const warnings: string[] = []
  return { ...readTracing(env, warnings), warnings }
}
const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }
const everything = { root: 'always_on', ratio: 1, followsParent: true }

test.each([
  {},
  { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' },
  { OTEL_SERVICE_NAME: 'images' },
  { OTEL_TRACES_SAMPLER: 'always_on' },
  { ...endpoint, OTEL_SDK_DISABLED: 'TRUE' },
  { ...endpoint, OTEL_TRACES_EXPORTER: 'none' },
])('no spans are sent with %j, and nothing is said of it', (env) => {
  expect(read(env)).toMatchObject({ isEnabled: false, warnings: [] })
})

test.each([
  endpoint,
  { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector/v1/traces' },
  { OTEL_TRACES_EXPORTER: 'otlp' },
  { ...endpoint, OTEL_SDK_DISABLED: 'false' },
  { ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
])('all spans are sent with %j', (env) => {
  expect(read(env)).toEqual({ isEnabled: true, sampler: everything, warnings: [] })
})

test.each([
  [{ ...endpoint, OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'ftp://x' }, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
])('%j is told, and no spans are sent', (env, name) => {
  expect(read(env)).toMatchObject({ isEnabled: false, warnings: [expect.stringContaining(name)] })
})

test('an address that cannot be used is not shown: it may hold a password', () => {
  const { warnings } = read({ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://me:canary@collector' })
  expect(warnings).toHaveLength(1)
  expect(warnings.join()).not.toContain('canary')
})

test.each([
  [{ OTEL_TRACES_SAMPLER: 'always_off' }, { root: 'always_off', ratio: 0, followsParent: false }],
  [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, { root: 'always_off', ratio: 0, followsParent: true }],
  [
    { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
    { root: 'ratio', ratio: 0.25, followsParent: true },
  ],
  [{ OTEL_TRACES_SAMPLER: 'traceidratio' }, { root: 'ratio', ratio: 1, followsParent: false }],
])('%j is a sampler', (env, sampler) => {
  expect(read({ ...endpoint, ...env })).toEqual({ isEnabled: true, sampler, warnings: [] })
})

test.each([
  { OTEL_TRACES_SAMPLER: 'jaeger_remote' },
  { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
  { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: 'half' },
  { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
])('%j is told, and spans are sent all the same', (env) => {
  const { isEnabled, sampler, warnings } = read({ ...endpoint, ...env })
  expect([isEnabled, sampler.ratio, warnings.length]).toEqual([true, 1, 1])
})
