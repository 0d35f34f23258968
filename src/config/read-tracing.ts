import type { Config, TraceSampler } from './config.ts'
import type { Environment } from './environment.ts'

/**
 * Reads whether spans are to be sent, and which, from the standard variables of OpenTelemetry. As its specification asks
 * for, a value that cannot be used makes a warning and counts as not set; it stops no start.
 */
export function readTracing(env: Environment, warnings: string[]): Config['tracing'] {
  const read = (name: string) => env[name]?.trim() ?? ''
  const isAsked = isExporterAsked(read, warnings) && read('OTEL_SDK_DISABLED').toLowerCase() !== 'true'
  if (!isAsked) return { isEnabled: false, sampler: defaultSampler }
  const [protocolName = ''] = protocolNames.filter((name) => read(name) !== '')
  if (read(protocolName) === 'grpc')
    warnings.push(
      `${protocolName} is grpc, but spans are sent as JSON over HTTP: give the address of port 4318, not 4317.`,
    )
  return { isEnabled: true, sampler: readSampler(read, warnings) }
}

type Read = (name: string) => string

/** What is more special wins. */
const endpointNames = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT']
const protocolNames = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL']

function isExporterAsked(read: Read, warnings: string[]): boolean {
  const exporter = read('OTEL_TRACES_EXPORTER').toLowerCase()
  if (exporter === 'none') return false
  if (exporter !== '' && exporter !== 'otlp') {
    warnings.push(`OTEL_TRACES_EXPORTER is ${JSON.stringify(exporter)}, but only otlp can be used: no spans are sent.`)
    return false
  }
  const [endpointName] = endpointNames.filter((name) => read(name) !== '')
  if (endpointName === undefined) return exporter === 'otlp'
  // Its value is not shown: there may be a password in it.
  if (/^https?:$/.test(URL.parse(read(endpointName))?.protocol ?? '')) return true
  warnings.push(`${endpointName} is no address that begins with http:// or https://: no spans are sent.`)
  return false
}

const defaultSampler: TraceSampler = { root: 'always_on', ratio: 1, followsParent: true }

function readSampler(read: Read, warnings: string[]): TraceSampler {
  const name = read('OTEL_TRACES_SAMPLER').toLowerCase()
  const followsParent = name.startsWith('parentbased_')
  switch (followsParent ? name.slice('parentbased_'.length) : name) {
    case '':
      return defaultSampler
    case 'always_on':
      return { root: 'always_on', ratio: 1, followsParent }
    case 'always_off':
      return { root: 'always_off', ratio: 0, followsParent }
    case 'traceidratio':
      return { root: 'ratio', ratio: readRatio(read('OTEL_TRACES_SAMPLER_ARG'), warnings), followsParent }
    default:
      warnings.push(
        `OTEL_TRACES_SAMPLER is ${JSON.stringify(name)}, which is not known: parentbased_always_on is used.`,
      )
      return defaultSampler
  }
}

function readRatio(text: string, warnings: string[]): number {
  const ratio = Number(text)
  if (text === '' || (ratio >= 0 && ratio <= 1)) return text === '' ? 1 : ratio
  warnings.push(`OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1; got ${JSON.stringify(text)}: 1 is used.`)
  return 1
}
