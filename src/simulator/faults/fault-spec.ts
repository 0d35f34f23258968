import { nearestName } from '../../lib/nearest-name.ts'
import { faultDefinition, faultNames, faultSyntax, isFaultName, type FaultName } from './fault-table.ts'

/** One armed fault: what, and at which of its occasions. */
export interface FaultSpec {
  readonly name: FaultName
  /** One of the choices of the fault, where it has any. */
  readonly choice?: string
  readonly ms?: number
  /** Only every n-th occasion. */
  readonly every?: number
  /** Only the n-th occasion. */
  readonly at?: number
  /** No more than this often. */
  readonly times?: number
  /** With this probability: above 0, at most 1. */
  readonly chance?: number
}

/** A text that is no fault; its message says what is possible. */
export class FaultSpecError extends Error {
  override readonly name = 'FaultSpecError'
}

const counters = ['every', 'at', 'times'] as const
const maxMs = 24 * 3600 * 1000

/**
 * Reads `name[=choice or milliseconds][,every=N][,at=N][,times=N][,chance=P][,ms=N]`. `name-every=N` is short for
 * `name,every=N`. @throws FaultSpecError
 */
export function parseFaultSpec(text: string): FaultSpec {
  const [head = '', ...rest] = text.split(',').map((part) => part.trim())
  const first = splitPair(head)
  const short =
    first.key.endsWith('-every') && !isFaultName(first.key) ? first.key.slice(0, -'-every'.length) : undefined
  const name = short ?? first.key
  if (!isFaultName(name)) throw unknownName(text, name)
  const pairs = rest.map(splitPair)
  if (short !== undefined) pairs.unshift({ key: 'every', value: first.value })

  const { choices, ms } = faultDefinition(name)
  const spec: { -readonly [Key in keyof FaultSpec]: FaultSpec[Key] } = { name }
  const given = short === undefined ? first.value : undefined
  if (choices !== undefined) {
    spec.choice = given ?? choices[0] ?? ''
    if (!choices.includes(spec.choice)) throw refusal(text, `${name} takes one of ${choices.join(', ')}`)
  } else if (given !== undefined) {
    if (ms === undefined) throw refusal(text, `${name} takes no value`)
    pairs.unshift({ key: 'ms', value: given })
  }
  const seen = new Set<string>()
  for (const { key, value = '' } of pairs) {
    if (seen.has(key)) throw refusal(text, `${key} is there twice`)
    seen.add(key)
    const counter = counters.find((candidate) => candidate === key)
    if (counter !== undefined) spec[counter] = wholeNumber(text, key, value, 1, Number.MAX_SAFE_INTEGER)
    else if (key === 'chance') spec.chance = probability(text, value)
    else if (key === 'ms' && ms !== undefined) spec.ms = wholeNumber(text, key, value, 0, maxMs)
    else throw refusal(text, `"${key}" is unknown here. Possible: ${faultSyntax(name)}${selectors}`)
  }
  if (spec.ms === undefined && ms?.default !== undefined) spec.ms = ms.default
  if (spec.choice === 'now' && seen.size > (seen.has('ms') ? 1 : 0)) throw refusal(text, 'now is once')
  return spec
}

const selectors = '[,every=N][,at=N][,times=N][,chance=P]'

/** The text that gives this fault again. */
export function formatFaultSpec({ name, choice, ms, every, at, times, chance }: FaultSpec): string {
  const counted = Object.entries({ every, at, times, chance, ms }).filter(([, value]) => value !== undefined)
  return [choice === undefined ? name : `${name}=${choice}`, ...counted.map(([key, value]) => `${key}=${value}`)].join(
    ',',
  )
}

function splitPair(text: string): { key: string; value?: string | undefined } {
  const mark = text.indexOf('=')
  return mark === -1 ? { key: text } : { key: text.slice(0, mark).trim(), value: text.slice(mark + 1).trim() }
}

function unknownName(text: string, name: string): FaultSpecError {
  const nearest = nearestName(name, faultNames)
  const hint = nearest === undefined ? '' : ` Did you mean ${nearest}?`
  return refusal(text, `there is no fault "${name}".${hint} Possible: ${faultNames.join(', ')}`)
}

function refusal(text: string, reason: string): FaultSpecError {
  return new FaultSpecError(`"${text}" is no fault: ${reason}.`)
}

function wholeNumber(text: string, key: string, value: string, min: number, max: number): number {
  const number = /^\d{1,16}$/.test(value) ? Number(value) : Number.NaN
  if (!(number >= min && number <= max)) throw refusal(text, `${key} must be a whole number of ${min} or more`)
  return number
}

function probability(text: string, value: string): number {
  const number = /^\d*\.?\d+$/.test(value) ? Number(value) : Number.NaN
  if (!(number > 0 && number <= 1)) throw refusal(text, 'chance must be above 0 and at most 1')
  return number
}
