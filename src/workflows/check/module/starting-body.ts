import { isDeepStrictEqual } from 'node:util'
import { GatewayError, type FieldError } from '../../../errors/gateway-error.ts'
import { isRecord } from '../../../lib/json-record.ts'
import { exampleBody } from '../../parameters/example-body.ts'
import type { MediaField, ServedWorkflow } from '../../served-workflow.ts'
import type { CheckProblem } from '../check-problem.ts'
import { uploads } from './workflow-parameters.ts'

type Body = Readonly<Record<string, unknown>>

/** The parameters that the check of a workflow starts from. */
export interface StartingBody {
  /** The defaults and what is required, random defaults held fast; undefined where none is taken. */
  readonly body: Body | undefined
  /** Parameters of the body whose values were drawn: absent they are others each time. */
  readonly drawn: ReadonlySet<string>
  /** Texts that nobody chose: they stand for what is required. */
  readonly madeUp: ReadonlySet<string>
  readonly problems: readonly CheckProblem[]
}

/** Finds parameters that a workflow takes: its defaults, and for the rest what its examples or its schema say. */
export function startingBody(workflow: ServedWorkflow): StartingBody {
  const minimal = withUploads(workflow, exampleBody(workflow, { isFull: false, media: uploads[0] })) ?? {}
  const examples = (workflow.definition.examples ?? [])
    .map((example) => withUploads(workflow, example))
    .filter((example) => example !== undefined)
  const [example = {}] = examples
  const guessed = { ...minimal, ...requiredOf(workflow, example) }
  const body = [guessed, minimal, ...examples].find((each) => refusalOf(workflow, each) === undefined)
  if (body === undefined) {
    return { body, drawn: new Set(), madeUp: new Set(), problems: refusedStart(workflow, guessed) }
  }
  const texts = Object.entries(body).flatMap(([name, value]) =>
    typeof value === 'string' && !Object.hasOwn(example, name) && !hasDefault(workflow, name) ? [value] : [],
  )
  const madeUp = new Set(texts.filter((text) => text !== uploads[0]))
  const full = { ...defaultsOf(workflow), ...body }
  const plain = refusalOf(workflow, full) === undefined ? full : body
  const fixed = withFixedDefaults(workflow, plain)
  const drawn = new Set(Object.keys(fixed).filter((name) => !Object.hasOwn(plain, name)))
  return { body: fixed, drawn, madeUp, problems: refusedDefaults(workflow, body) }
}

/** An example of the author with the names of uploads for its media; undefined where it is no object. */
export function withUploads({ mediaFields }: Pick<ServedWorkflow, 'mediaFields'>, example: unknown): Body | undefined {
  if (!isRecord(example)) return undefined
  return mediaFields.reduce<Body>((body, { path }) => {
    const replaced = replaceMedia(body, path)
    return isRecord(replaced) ? replaced : body
  }, example)
}

function replaceMedia(value: unknown, [step, ...rest]: MediaField['path']): unknown {
  if (step === undefined) return typeof value === 'string' ? uploads[0] : value
  if (step === '*') return Array.isArray(value) ? value.map((each: unknown) => replaceMedia(each, rest)) : value
  if (!isRecord(value) || !Object.hasOwn(value, step)) return value
  return { ...value, [step]: replaceMedia(value[step], rest) }
}

/** What an example says of parameters that have no default. */
function requiredOf(workflow: ServedWorkflow, example: Body): Body {
  const { required } = workflow.inputJsonSchema
  const names = Array.isArray(required) ? required.filter((name) => typeof name === 'string') : []
  return Object.fromEntries(
    names.flatMap((name): [string, unknown][] => (Object.hasOwn(example, name) ? [[name, example[name]]] : [])),
  )
}

/** Why the schema does not take a body; undefined when it does. */
function refusalOf(workflow: ServedWorkflow, body: Body): GatewayError | undefined {
  try {
    workflow.parse(body)
    return undefined
  } catch (error) {
    return error instanceof GatewayError
      ? error
      : new GatewayError('workflow_failed', { detail: String(error), cause: error })
  }
}

function refusedStart(workflow: ServedWorkflow, body: Body): readonly CheckProblem[] {
  const refusal = refusalOf(workflow, body)
  if (refusal?.code === 'workflow_failed') {
    return [{ severity: 'error', kind: 'broken_module', code: refusal.code, message: sentence(refusal.detail) }]
  }
  const defaults = (refusal?.errors ?? []).filter(({ pointer }) => hasDefault(workflow, topName(pointer)))
  if (defaults.length > 0) return defaults.map((error) => ({ ...refusedDefault(error), severity: 'error' }))
  const message = `No parameters were found that it takes, so nothing of it could be checked: ${refusal?.detail ?? ''}.`
  const fix = 'Give a request body that works in examples.'
  return [{ severity: 'warning', kind: 'flawed', code: 'not_checked', message, fix }]
}

/** Defaults that the schema would not take from a caller: of its own it does not look at them. */
function refusedDefaults(workflow: ServedWorkflow, body: Body): readonly CheckProblem[] {
  const defaults = defaultsOf(workflow)
  if (refusalOf(workflow, { ...body, ...defaults }) === undefined) return []
  return Object.entries(defaults).flatMap(([name, value]) => {
    const errors = refusalOf(workflow, { ...body, [name]: value })?.errors ?? []
    return errors.filter(({ pointer }) => topName(pointer) === name).map(refusedDefault)
  })
}

function defaultsOf({ inputJsonSchema: { properties } }: ServedWorkflow): Body {
  const schemas = Object.entries(isRecord(properties) ? properties : {})
  return Object.fromEntries(
    schemas.flatMap(([name, schema]) =>
      isRecord(schema) && 'default' in schema ? [[name, schema['default']] as const] : [],
    ),
  )
}

function refusedDefault({ pointer = '', message }: FieldError): CheckProblem {
  const text = `The default of ${topName(pointer)} cannot be sent by a caller: by its schema it ${message}`
  return {
    severity: 'warning',
    kind: 'flawed',
    code: 'default_refused',
    parameter: pointer,
    message: sentence(text),
    fix: 'Change the default or the limits.',
  }
}

/** Values that are drawn for each request, such as seeds, become values that a caller could have sent. */
function withFixedDefaults(workflow: ServedWorkflow, body: Body): Body {
  const parsed = workflow.parse(body)
  if (!isRecord(parsed)) return body
  let fixed = body
  for (const name of workflow.parameterNames) {
    const value = parsed[name]
    const isPlain = typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean'
    if (Object.hasOwn(body, name) || !isPlain) continue
    const tried = { ...fixed, [name]: value }
    if (refusalOf(workflow, tried) !== undefined) continue
    const again = workflow.parse(tried)
    if (isRecord(again) && isDeepStrictEqual(again[name], value)) fixed = tried
  }
  return fixed
}

function hasDefault({ inputJsonSchema: { properties } }: ServedWorkflow, name: string): boolean {
  const schema = isRecord(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined
  return isRecord(schema) && 'default' in schema
}

function topName(pointer = ''): string {
  return pointer.split('/')[1]?.replaceAll('~1', '/').replaceAll('~0', '~') ?? ''
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
