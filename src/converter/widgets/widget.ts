import type { DefinedInput } from './defined-input.ts'

/** One widget of a node with its value, as the editor has it after loading the file. */
export interface Widget {
  readonly kind: 'widget'
  readonly name: string
  readonly input: DefinedInput
  readonly value: unknown
  /** Whether the prompt has the value; buttons and the like are not sent. */
  readonly isSent: boolean
  /** Whether a link can be put onto it. */
  readonly hasSocket: boolean
  /** What the editor does with the value after each run. */
  readonly control?: string
}

/** A socket among the widgets: what the selected option of a dynamic input brings besides them. */
export interface Socket {
  readonly kind: 'socket'
  readonly input: DefinedInput
}

/** Widgets in the order of their values, and the sockets of dynamic inputs between them. */
export type WidgetPart = Widget | Socket

export interface WidgetReading {
  readonly parts: readonly WidgetPart[]
  /** Widgets whose saved value is of another type. */
  readonly mismatches: readonly Widget[]
  /** Dynamic inputs whose selected option is unknown. */
  readonly unknownOptions: readonly Widget[]
  /** Saved values behind those that widgets took, without empty ones and buttons. */
  readonly rest: readonly unknown[]
  /** Those of them that nothing explains. */
  readonly leftOver: readonly unknown[]
}

export function widgetsOf({ parts }: Pick<WidgetReading, 'parts'>): Widget[] {
  return parts.filter((part) => part.kind === 'widget')
}
