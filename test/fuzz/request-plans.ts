import fc from 'fast-check'
import { anything, arbitraryOfSchema, isRecord } from './arbitrary-of-schema.ts'
import type { JsonSchema, OpenApiDocument, Operation, Parameter } from './openapi-document.ts'

/** A request to be sent. */
export interface RequestPlan {
  /** `undefined`: a path or method that the document does not name. */
  readonly operation: Operation | undefined
  readonly method: string
  /** Segments in braces name a parameter of the path, to be replaced by `fill` or by something that the server made. */
  readonly path: string
  readonly pathValues: Readonly<Record<string, PathValue>>
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: PlannedBody | undefined
}

/** `pick` chooses among the values that the server made known; `text` is used where there is none, or instead. */
export interface PathValue {
  readonly pick: number | undefined
  readonly text: string
}

export type PlannedBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'parts'; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly kind: 'raw'; readonly contentType: string | undefined; readonly text: string }

const acceptHeaders = [
  'application/json',
  '*/*',
  'image/png',
  'image/*',
  'video/*;q=0.5, image/*;q=0.1',
  'text/event-stream',
  'text/html',
  'application/json;q=0',
  'a/b/c',
  ',',
]
const preferHeaders = [
  'respond-async',
  'wait=0',
  'wait=1',
  'wait=30',
  'wait=-1',
  'wait=x',
  'wait',
  'handling=strict, wait=2',
]
const rawBodies = [
  '',
  '{',
  '{"prompt":',
  'null',
  '[]',
  '"x"',
  '1e999',
  '{"a":1,"a":2}',
  '{"__proto__":{"x":1}}',
  'a=b&c=d',
  '\u0000',
]
const contentTypes = [
  'application/json',
  'application/json; charset=utf-8',
  'application/json; charset=latin1',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'text/plain',
  'image/png',
  'nonsense',
]

/** Requests for one operation: some as it allows them, some not. */
export function planRequests(operation: Operation, { schemas }: OpenApiDocument): fc.Arbitrary<RequestPlan> {
  const { method, path, parameters, requestBody } = operation
  const inPath = parameters.filter((parameter) => parameter.in === 'path')
  const pathValues = fc
    .tuple(...inPath.map(() => pathValue))
    .map((values) =>
      Object.fromEntries(inPath.map(({ name }, index) => [name, values[index] ?? { pick: undefined, text: 'x' }])),
    )
  const bodies = Object.entries(requestBody?.content ?? {}).map(
    ([contentType, { schema = true, examples = {}, example }]) => {
      const values = [...Object.values(examples).map(({ value }) => value), example].filter(
        (value) => value !== undefined,
      )
      const allowed = arbitraryOfSchema(schema, schemas, knownValues(values))
      const json = values.length === 0 ? allowed : fc.oneof(allowed, fc.constantFrom(...values))
      return bodyOf(contentType, fc.oneof({ arbitrary: json, weight: 3 }, { arbitrary: json.chain(spoil), weight: 2 }))
    },
  )
  const raw = fc.record({
    kind: fc.constant('raw' as const),
    contentType: fc.option(fc.constantFrom(...contentTypes), { nil: undefined }),
    text: fc.oneof(fc.constantFrom(...rawBodies), fc.json({ maxDepth: 3 }), fc.string()),
  })
  const body =
    bodies.length === 0
      ? oneIn(8, raw, undefined)
      : fc.oneof({ arbitrary: fc.oneof(...bodies), weight: 12 }, { arbitrary: raw, weight: 1 })

  return fc.record({
    operation: fc.constant(operation),
    method: fc.constant(method),
    path: fc.constant(path),
    pathValues,
    query: queryOf(
      parameters.filter((parameter) => parameter.in === 'query'),
      schemas,
    ),
    headers: headersOf(
      parameters.filter((parameter) => parameter.in === 'header'),
      schemas,
    ),
    body,
  })
}

/** Requests for what may not exist, near what does. */
export function planStrays({ operations }: OpenApiDocument): fc.Arbitrary<RequestPlan> {
  const segment = fc.oneof(
    fc.webSegment({ size: 'small' }),
    fc.constantFrom('..', '%2e%2e', '%00', '%', 'jobs', 'docs', 'a'.repeat(600)),
  )
  const made = fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`)
  const known = fc.constantFrom(...operations.map(({ path }) => path.replaceAll(/[{}]/g, '')))
  return fc.record({
    operation: fc.constant(undefined),
    method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
    path: fc.oneof(made, known),
    pathValues: fc.constant({}),
    query: queryOf([], {}),
    headers: headersOf([], {}),
    body: fc.constant(undefined),
  })
}

const pathValue: fc.Arbitrary<PathValue> = fc.record({
  pick: fc.option(fc.nat(), { nil: undefined, freq: 4 }),
  text: fc
    .oneof(
      fc.uuid(),
      fc.nat({ max: 3 }).map(String),
      fc.string({ minLength: 1, maxLength: 30 }),
      fc.constant('x'.repeat(300)),
    )
    .map(encodeURIComponentSafely),
})

function queryOf(
  parameters: readonly Parameter[],
  schemas: Readonly<Record<string, JsonSchema>>,
): fc.Arbitrary<string> {
  const known = parameters.map(({ name, schema }) =>
    oneIn(
      4,
      fc
        .oneof({ arbitrary: arbitraryOfSchema(schema, schemas), weight: 9 }, { arbitrary: fc.string(), weight: 1 })
        .map((value) => (Array.isArray(value) ? value : [value]).map((one): [string, string] => [name, textOf(one)])),
      [],
    ),
  )
  const stray = oneIn(
    20,
    fc.tuple(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ maxLength: 8 })).map((pair) => [pair]),
    [],
  )
  return fc.tuple(stray, ...known).map((groups) =>
    groups
      .flat()
      .map(([name, value]) => `${encodeURIComponentSafely(name)}=${encodeURIComponentSafely(value)}`)
      .join('&'),
  )
}

function headersOf(
  parameters: readonly Parameter[],
  schemas: Readonly<Record<string, JsonSchema>>,
): fc.Arbitrary<Record<string, string>> {
  const named = parameters.map(({ name, schema }) => {
    const value =
      name.toLowerCase() === 'prefer'
        ? fc.constantFrom(...preferHeaders)
        : fc.oneof(
            { arbitrary: arbitraryOfSchema(schema, schemas), weight: 3 },
            { arbitrary: fc.string({ maxLength: 20 }), weight: 1 },
          )
    return oneIn(15, headerOf(name, value), {})
  })
  const accept = oneIn(3, headerOf('accept', fc.constantFrom(...acceptHeaders)), {})
  return fc
    .tuple(accept, ...named)
    .map((headers) => Object.fromEntries(headers.flatMap((header) => Object.entries(header))))
}

function headerOf(name: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, string>> {
  return value.map((one) => ({ [name.toLowerCase()]: textOf(one).replaceAll(/[^\x20-\x7e]/g, '?') }))
}

/** A value once in `times` draws, else `otherwise`. */
function oneIn<Value, Other>(times: number, value: fc.Arbitrary<Value>, otherwise: Other): fc.Arbitrary<Value | Other> {
  return fc.oneof({ arbitrary: fc.constant(otherwise), weight: times - 1 }, { arbitrary: value, weight: 1 })
}

function bodyOf(contentType: string, value: fc.Arbitrary<unknown>): fc.Arbitrary<PlannedBody> {
  return value.map((one): PlannedBody => {
    if (contentType === 'application/json') return { kind: 'json', value: one }
    if (contentType === 'multipart/form-data' && isRecord(one)) return { kind: 'parts', fields: one }
    return { kind: 'raw', contentType, text: textOf(one) }
  })
}

/** One place of a value changed into what it should probably not be. */
function spoil(value: unknown): fc.Arbitrary<unknown> {
  if (!isRecord(value)) return anything
  const names = Object.keys(value)
  const added = fc
    .tuple(
      fc.oneof(fc.string({ maxLength: 10 }), fc.constantFrom('__proto__', 'constructor', 'promt', 'input')),
      anything,
    )
    .map(([name, one]) => JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(one)}}`) as unknown)
    .map((extra) => ({ ...value, ...(isRecord(extra) ? extra : {}) }))
  if (names.length === 0) return added
  const name = fc.constantFrom(...names)
  const removed = name.map((one) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== one)))
  const replaced = fc.tuple(name, fc.oneof(anything, nasty)).map(([one, other]) => ({ ...value, [one]: other }))
  const inside = name.chain((one) => spoil(value[one]).map((other) => ({ ...value, [one]: other })))
  return fc.oneof(added, removed, replaced, inside)
}

const nasty = fc.constantFrom<unknown>(
  -1,
  0.5,
  1e308,
  Number.MAX_SAFE_INTEGER + 1,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '../../etc/passwd',
  'data:image/png;base64,AAAA',
  'http://127.0.0.1:1/x.png',
  'x'.repeat(70_000),
  [],
  {},
  null,
  ['1', 0],
)

function knownValues(examples: readonly unknown[]): Map<string, unknown[]> {
  const known = new Map<string, unknown[]>()
  for (const example of examples.filter(isRecord)) {
    const parameters = isRecord(example['input']) ? example['input'] : example
    for (const [name, value] of Object.entries(parameters)) known.set(name, [...(known.get(name) ?? []), value])
  }
  return known
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function encodeURIComponentSafely(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}
