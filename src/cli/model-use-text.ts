import type { LanguageModelReport } from './generating.ts'
import { printable } from './wrap.ts'

/** Who was asked, what that took, and why it was for nothing where it was. */
export function describeModelUse(report: LanguageModelReport | undefined): readonly string[] {
  if (report === undefined) return []
  const { model, requests, promptTokens, completionTokens, cost, whyUnchanged } = report
  const parts = [
    `${requests} ${requests === 1 ? 'request' : 'requests'}`,
    // Whoever does not answer counts nothing.
    ...(promptTokens + completionTokens === 0 ? [] : [`${promptTokens} tokens in`, `${completionTokens} tokens out`]),
    ...(cost === undefined ? [] : [dollars(cost)]),
  ]
  const used = `${model} was asked: ${parts.join(', ')}.`
  if (whyUnchanged === undefined) return [used]
  return [used, `warning: ${printable(whyUnchanged)} Names and descriptions are those of the rules.`]
}

const smallest = 0.0001

function dollars(cost: number): string {
  if (cost === 0) return 'free of charge'
  return cost < smallest ? `less than $${smallest}` : `$${cost.toFixed(4)}`
}
