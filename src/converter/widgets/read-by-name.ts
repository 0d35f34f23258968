import { isRecord } from '../../lib/json-record.ts'
import { addedWidgets } from './added-widgets.ts'
import {
  definedInputs,
  dynamicCombo,
  dynamicSlot,
  hasOption,
  hasWidget,
  inputsOfOption,
  nestedInputs,
  option,
  widgetType,
  type DefinedInput,
} from './defined-input.ts'
import type { PositionedNode } from './read-by-position.ts'
import { controlWord, hasControl } from './slot-literals.ts'
import type { Widget, WidgetPart, WidgetReading } from './widget.ts'
import { fitsWidget, loadedValue } from './widget-value.ts'

/** Gives every widget of a node its value from an object of values by name. */
export function readByName(
  { classType, definition, linked }: PositionedNode,
  values: Readonly<Record<string, unknown>>,
): WidgetReading {
  const parts: WidgetPart[] = []
  const mismatches: Widget[] = []
  const unknownOptions: Widget[] = []
  readInputs(definedInputs(definition), false)
  parts.push(...addedWidgets(classType))
  return { parts, mismatches, unknownOptions, rest: [], leftOver: [] }

  function readInputs(list: readonly DefinedInput[], isNested: boolean): void {
    for (const input of list) {
      if (hasWidget(input)) readWidget(input)
      else {
        if (isNested) parts.push({ kind: 'socket', input })
        if (widgetType(input) === dynamicSlot && linked.has(input.name)) {
          readInputs(nestedInputs(option(input, 'inputs'), input.name), true)
        }
      }
    }
  }

  function readWidget(input: DefinedInput): void {
    const type = widgetType(input)
    if (type === 'AUDIO_UI' || type === 'AUDIOUPLOAD') return
    const saved =
      type === 'IMAGECOMPARE' ? ['', ''] : Object.hasOwn(values, input.name) ? values[input.name] : undefined
    const control = hasControl(input) ? controlWord(values[controlName(input)]) : undefined
    const widget: Widget = {
      kind: 'widget',
      name: input.name,
      input,
      value: loadedValue(input, saved),
      isSent: true,
      hasSocket: !hasOption(input, 'socketless'),
      ...(control !== undefined && { control }),
    }
    parts.push(widget)
    if (!fitsWidget(input, saved)) mismatches.push(widget)
    if (type !== dynamicCombo) return
    const brought = inputsOfOption(input, widget.value)
    if (brought !== undefined) readInputs(brought, true)
    else if (widget.value !== undefined) unknownOptions.push(widget)
  }
}

/** What the control behind a widget is called among values by name. */
export function controlName(input: DefinedInput): string {
  const named = option(input, 'control_after_generate')
  return typeof named === 'string' ? named : 'control_after_generate'
}

/** Keys that packs keep among the values for themselves. */
const ownKeys: ReadonlySet<string> = new Set(['videopreview', 'upload', 'image_upload', 'control_filter_list'])
/** Names that an input of VideoHelperSuite had before. */
const oldNames: Readonly<Record<string, string>> = { save_image: 'save_output' }

/**
 * Values by name of packs that save an object: also those that are no input of the definition, as what belongs to a
 * chosen format is nowhere else.
 */
export function readObject(node: PositionedNode, values: Readonly<Record<string, unknown>>): WidgetReading {
  const inputs = definedInputs(node.definition)
  const names = new Set(inputs.map(({ name }) => name))
  const renamed = Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const now = oldNames[key]
      return now !== undefined && !names.has(key) && names.has(now) && !Object.hasOwn(values, now)
        ? [now, value]
        : [key, value]
    }),
  )
  const reading = readByName(node, renamed)
  const known = new Set([
    ...names,
    ...reading.parts.map((part) => (part.kind === 'widget' ? part.name : part.input.name)),
  ])
  for (const input of inputs) if (hasControl(input)) known.add(controlName(input))
  const others = Object.entries(renamed).filter(([key, value]) => !known.has(key) && !isOwn(key, value))
  return { ...reading, parts: [...reading.parts, ...others.map(([name, value]) => unlistedWidget(name, value))] }
}

function isOwn(key: string, value: unknown): boolean {
  return (
    ownKeys.has(key) || (key.startsWith('choose ') && value === 'image') || (isRecord(value) && key.endsWith('preview'))
  )
}

function unlistedWidget(name: string, value: unknown): Widget {
  const input: DefinedInput = { name, spec: ['*', {}], isRequired: false }
  return { kind: 'widget', name, input, value, isSent: true, hasSocket: true }
}
