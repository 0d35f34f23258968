import { isRecord } from '../../lib/json-record.ts'
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
import type { NodeDefinition } from '../../comfyui/wire/object-info.ts'
import {
  controlWord,
  hasAudioUpload,
  hasControl,
  hasUploadButton,
  isEmptyOrButton,
  isKnownLeftover,
  load3dButtons,
  refreshButton,
  uploadButton,
} from './slot-literals.ts'
import { addedWidgets } from './added-widgets.ts'
import type { Widget, WidgetPart, WidgetReading } from './widget.ts'
import { defaultValue, fitsWidget, loadedValue } from './widget-value.ts'

/** How the values may differ from what the definition makes expect. */
export interface Variation {
  /** An input that the definition of the time had not: it gets its default, and takes no value. */
  readonly without?: string
  /** Whether control words behind the inputs of a dynamic one, which old versions left there, are passed over. */
  readonly skipsStaleControls?: boolean
}

export interface PositionedNode {
  readonly classType: string
  readonly definition: NodeDefinition
  /** Names of the inputs that have a link. */
  readonly linked: ReadonlySet<string>
}

/** Gives every widget of a node its value from the list that the editor saved. */
export function readByPosition(
  { classType, definition, linked }: PositionedNode,
  values: readonly unknown[],
  variation: Variation = {},
): WidgetReading {
  const parts: WidgetPart[] = []
  const mismatches: Widget[] = []
  const unknownOptions: Widget[] = []
  let position = 0
  const inputs = definedInputs(definition)

  readInputs(inputs, false)
  if (inputs.some(hasUploadButton)) {
    passOver(uploadButton)
    parts.push(button('upload', 'IMAGEUPLOAD', uploadButton))
  }
  if (inputs.some(hasAudioUpload)) {
    passOver('')
    passOver('')
  }
  parts.push(...addedWidgets(classType))
  const rest = values.slice(position).filter((value) => !isEmptyOrButton(value))
  const hasBox = inputs.some((input) => hasWidget(input) && widgetType(input) === 'BOUNDING_BOX')
  const leftOver = rest.filter((value) => !isKnownLeftover(value, classType) && !(hasBox && typeof value === 'number'))
  return { parts, mismatches, unknownOptions, rest, leftOver }

  function readInputs(list: readonly DefinedInput[], isNested: boolean): number {
    let controls = 0
    for (const input of list) {
      if (hasWidget(input)) controls += readWidget(input)
      else if (widgetType(input) === dynamicSlot) {
        if (isNested) parts.push({ kind: 'socket', input })
        if (linked.has(input.name)) readInputs(nestedInputs(option(input, 'inputs'), input.name), true)
      } else if (isNested) parts.push({ kind: 'socket', input })
    }
    return controls
  }

  /** @returns how many controls were read with it */
  function readWidget(input: DefinedInput): number {
    const type = widgetType(input)
    if (type === 'IMAGECOMPARE') {
      add(input, ['', ''])
      return 0
    }
    if (type === 'AUDIO_UI' || type === 'AUDIOUPLOAD') return 0
    if (type === 'LOAD_3D') readLoad3dButtons()
    if (type === 'WEBCAM' && typeof values[position] === 'number') {
      add(input, '')
      return 0
    }
    const isSkipped = input.name === variation.without
    const saved = isSkipped ? undefined : values[position++]
    const value = isSkipped ? defaultValue(input) : loadedValue(input, saved)
    const control = !isSkipped && hasControl(input) ? readControl(type) : undefined
    const widget = add(input, value, control)
    if (!fitsWidget(input, saved)) mismatches.push(widget)
    if (type === 'COMBO' && isRecord(option(input, 'remote'))) readRemoteButtons(input)
    if (type === 'BOUNDING_BOX') passOverBox(value)
    if (type !== dynamicCombo) return control === undefined ? 0 : 1
    return readOption(input, widget)
  }

  function readOption(input: DefinedInput, widget: Widget): number {
    const brought = inputsOfOption(input, widget.value)
    if (brought === undefined) {
      if (widget.value !== undefined) unknownOptions.push(widget)
      return 0
    }
    const controls = readInputs(brought, true)
    if (variation.skipsStaleControls === true) {
      for (let left = controls; left > 0 && controlWord(values[position]) !== undefined; left -= 1) position += 1
    }
    return controls
  }

  function readControl(type: string): string | undefined {
    const saved = values[position]
    const word = controlWord(saved)
    if (word === undefined && saved !== null) return undefined
    position += 1
    if (type === 'COMBO' && (typeof values[position] === 'string' || values[position] === null)) position += 1
    return word
  }

  function readRemoteButtons(input: DefinedInput): void {
    if (typeof values[position] === 'boolean' || values[position] === null) position += 1
    const remote = option(input, 'remote')
    if (isRecord(remote) && remote['refresh_button'] === true) passOver(refreshButton)
  }

  function readLoad3dButtons(): void {
    if (!inputs.some((input) => hasOption(input, 'file_upload'))) return
    for (const [name, literal] of load3dButtons) {
      if (values[position] === literal) position += 1
      parts.push({ ...button(name, 'STRING', literal), isSent: true })
    }
  }

  /** The four numbers of a box stand behind it once more, or not. */
  function passOverBox(box: unknown): void {
    if (!isRecord(box)) return
    const numbers = [box['x'], box['y'], box['width'], box['height']]
    if (numbers.every((number, index) => values[position + index] === number)) position += numbers.length
  }

  function passOver(literal: string): void {
    if (position >= values.length) return
    const value = values[position]
    if (value === literal || value === '' || value === null) position += 1
  }

  function add(input: DefinedInput, value: unknown, control?: string): Widget {
    const hasSocket = !hasOption(input, 'socketless')
    const widget: Widget = {
      kind: 'widget',
      name: input.name,
      input,
      value,
      isSent: true,
      hasSocket,
      ...(control !== undefined && { control }),
    }
    parts.push(widget)
    return widget
  }
}

function button(name: string, type: string, value: string): Widget {
  const input: DefinedInput = { name, spec: [type, {}], isRequired: false }
  return { kind: 'widget', name, input, value, isSent: false, hasSocket: true }
}
