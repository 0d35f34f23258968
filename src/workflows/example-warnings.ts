import type { RequestReading } from './parameters/read-request-schema.ts'

/** What is wrong with the examples that a module gives of its parameters. */
export function exampleWarnings(
  { parse }: Pick<RequestReading, 'structure' | 'parse'>,
  examples: readonly unknown[],
): readonly string[] {
  return examples.flatMap((example, index) => {
    try {
      parse(example)
      return []
    } catch (error) {
      return [`examples[${index}] does not work: ${error instanceof Error ? error.message : String(error)}`]
    }
  })
}
