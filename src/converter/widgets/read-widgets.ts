import { isDeepStrictEqual } from 'node:util'
import type { NodeDefinition } from '../../comfyui/wire/object-info.ts'
import { isRecord } from '../../lib/json-record.ts'
import type { WarningCode } from '../conversion.ts'
import { listOf } from '../list-of.ts'
import { customCombo, readCustomCombo } from './custom-combo.ts'
import { definedInputs, dynamicCombo, hasWidget, isForcedSocket, option, widgetType } from './defined-input.ts'
import { readByName, readObject } from './read-by-name.ts'
import { readByPosition, type PositionedNode } from './read-by-position.ts'
import { widgetsOf, type Widget, type WidgetReading } from './widget.ts'
import { isKnownChoice } from './widget-value.ts'

/** What the file says of one node of a known class. */
export interface SavedWidgets {
  readonly classType: string
  readonly definition: NodeDefinition
  /** Names of the inputs that have a link. */
  readonly linked: ReadonlySet<string>
  /** `widgets_values`: a list by position, or an object by name. */
  readonly values: unknown
  /** `widgets_values_named`. */
  readonly namedValues: Readonly<Record<string, unknown>> | undefined
}

/** A warning about a node, without saying which. */
export interface WidgetWarning {
  readonly code: WarningCode
  readonly input?: string
  readonly message: string
}

export interface ReadWidgets {
  readonly reading: WidgetReading
  readonly warnings: readonly WidgetWarning[]
}

/**
 * The widgets of a node with the values that the editor would give them. The editor goes by position, so values of an
 * older definition may end in the wrong place: where types show that, they are put where all of them fit, with a warning.
 */
export function readWidgets(saved: SavedWidgets): ReadWidgets {
  const { classType, values, namedValues } = saved
  if (isRecord(values)) return readValuesByName(saved, values)
  const list = listOf(values)
  if (classType === customCombo) return { reading: readCustomCombo(list), warnings: [] }
  const plain = readByPosition(saved, list)
  const aligned = isClean(plain) ? withoutForcedSockets(saved, list) : align(saved, list, plain)
  if (aligned === undefined) {
    const warnings = [...describe(plain), ...disagreement(plain, namedValues, Array.isArray(values))]
    return { reading: plain, warnings }
  }
  const message = `the values do not fit the definition by position; they were ${aligned.how}`
  return { reading: aligned.reading, warnings: [{ code: 'values_realigned', message }, ...describe(aligned.reading)] }
}

/** Packs that keep their values by name on purpose. */
const packWithObjects = 'VHS_'

function readValuesByName(saved: SavedWidgets, values: Readonly<Record<string, unknown>>): ReadWidgets {
  const reading = readObject(saved, values)
  const warnings = describe(reading)
  if (saved.classType.startsWith(packWithObjects)) return { reading, warnings }
  const message = 'the values are saved by name, which this class does not do by itself; check them'
  return { reading, warnings: [{ code: 'values_by_name', message }, ...warnings] }
}

interface Alignment {
  readonly reading: WidgetReading
  /** What was done, for people. */
  readonly how: string
}

/** The first way of reading the values in which all of them fit. */
function align(saved: SavedWidgets, values: readonly unknown[], plain: WidgetReading): Alignment | undefined {
  const isCertain = plain.mismatches.length > 0
  for (const attempt of attempts(saved, values, isCertain)) {
    if (fitsExactly(attempt.reading)) return attempt
  }
  return undefined
}

function* attempts(saved: SavedWidgets, values: readonly unknown[], isCertain: boolean): Generator<Alignment> {
  const inputs = definedInputs(saved.definition)
  if (isCertain) {
    const named = namedReading(saved)
    if (named !== undefined) yield { reading: named, how: 'taken by name' }
    const forced = withoutForcedSockets(saved, values)
    if (forced !== undefined) yield forced
  }
  if (inputs.some((input) => widgetType(input) === dynamicCombo)) {
    const reading = readByPosition(saved, values, { skipsStaleControls: true })
    yield { reading, how: 'read without the control words left behind the inputs of a dynamic one' }
  }
  if (!isCertain) return
  const widgets = inputs.filter(hasWidget)
  for (const isRequired of [false, true]) {
    for (const { name } of widgets.filter((input) => input.isRequired === isRequired).reverse()) {
      const reading = readByPosition(saved, values, { without: name })
      yield { reading, how: `read as if ${name} had not been there yet` }
    }
  }
  for (const [index, value] of values.entries()) {
    if (value === null) yield { reading: readByPosition(saved, values.toSpliced(index, 1)), how: 'read without a gap' }
  }
}

/**
 * Versions of the editor before 1.16 also saved a value for inputs that the definition makes sockets. The newer ones
 * drop these where the number of values says so.
 */
function withoutForcedSockets(saved: SavedWidgets, values: readonly unknown[]): Alignment | undefined {
  const inputs = definedInputs(saved.definition)
  if (!inputs.some(isForcedSocket)) return undefined
  const places = inputs
    .filter((input) => isForcedSocket(input) || hasWidget(input))
    .flatMap((input) => {
      const isDropped = isForcedSocket(input)
      return isTruthy(option(input, 'control_after_generate')) ? [isDropped, false] : [isDropped]
    })
  if (places.length !== values.length) return undefined
  const reading = readByPosition(
    saved,
    values.filter((_, index) => places[index] === false),
  )
  return reading.mismatches.length === 0
    ? { reading, how: 'read without those of inputs that are sockets now' }
    : undefined
}

function namedReading(saved: SavedWidgets): WidgetReading | undefined {
  const { namedValues } = saved
  if (namedValues === undefined) return undefined
  const reading = readByName(saved satisfies PositionedNode, namedValues)
  const isComplete = widgetsOf(reading).every(
    ({ name, input }) => Object.hasOwn(namedValues, name) || input.spec[0] === 'PREVIEW_3D',
  )
  return isComplete ? reading : undefined
}

function isClean({ mismatches, leftOver }: WidgetReading): boolean {
  return mismatches.length === 0 && leftOver.length === 0
}

function fitsExactly({ mismatches, rest }: WidgetReading): boolean {
  return mismatches.length === 0 && rest.length === 0
}

function describe({ parts, mismatches, unknownOptions, leftOver }: WidgetReading): WidgetWarning[] {
  const warnings: WidgetWarning[] = mismatches.map(({ name, value, input }) => ({
    code: 'value_type',
    input: name,
    message: `${name} is ${short(value)}, which is no ${widgetType(input)}`,
  }))
  for (const { name, value } of unknownOptions) {
    const message = `${name} is ${short(value)}, an option that the definitions do not have; its inputs are not known`
    warnings.push({ code: 'unknown_option', input: name, message })
  }
  for (const widget of widgetsOf({ parts })) {
    if (!isMissingChoice(widget) || mismatches.includes(widget)) continue
    const message = `${widget.name} is ${short(widget.value)}, which is none of its choices`
    warnings.push({ code: 'value_not_in_list', input: widget.name, message })
  }
  if (leftOver.length > 0) {
    const message = `there are more values than inputs; left over: ${leftOver.map(short).join(', ')}`
    warnings.push({ code: 'values_left_over', message })
  }
  return warnings
}

/** Lists of files are those of one server, and say nothing of another. */
function isMissingChoice({ input, value }: Widget): boolean {
  if (widgetType(input) !== 'COMBO' || value === undefined || value === null || Array.isArray(value)) return false
  const isOfServer = ['image_upload', 'video_upload', 'audio_upload', 'file_upload', 'remote'].some((name) =>
    isTruthy(option(input, name)),
  )
  const looksLikeFile = typeof value === 'string' && /\.\w{2,12}$/.test(value)
  return !isOfServer && !looksLikeFile && !isKnownChoice(input, value)
}

function disagreement(
  reading: WidgetReading,
  named: Readonly<Record<string, unknown>> | undefined,
  hasList: boolean,
): WidgetWarning[] {
  if (named === undefined) return []
  const names = widgetsOf(reading)
    .filter(({ name, value, isSent }) => isSent && Object.hasOwn(named, name) && !isDeepStrictEqual(named[name], value))
    .map(({ name }) => name)
  if (names.length === 0) return []
  const what = hasList
    ? 'another value by name than by position, and the position counts'
    : 'its value only by name, which the editor does not read'
  return names.map((name) => ({ code: 'values_disagree', input: name, message: `${name} has ${what}` }))
}

function isTruthy(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== ''
}

function short(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
