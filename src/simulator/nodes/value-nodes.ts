import { textInput, type NodeImplementation, type NodeRun } from './node-run.ts'

/** Literals that travel along links. */
export const valueNodes: Readonly<Record<string, NodeImplementation>> = {
  PrimitiveInt: literal,
  PrimitiveFloat: literal,
  PrimitiveBoolean: literal,
  PrimitiveString: literal,
  PrimitiveStringMultiline: literal,
  StringConcatenate: (run) => ({
    outputs: [`${textInput(run, 'string_a')}${textInput(run, 'delimiter')}${textInput(run, 'string_b')}`],
  }),
}

function literal(run: NodeRun): { outputs: unknown[] } {
  return { outputs: [run.inputs['value']] }
}
