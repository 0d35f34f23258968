import type { CheckProblem } from '../workflows/check/check-problem.ts'

/** A mistake in one line: where it is, what is wrong, what to do. */
export function describeProblem({ line, node, classType, input, message, fix }: CheckProblem): string {
  const place = [
    ...(line === undefined ? [] : [`line ${line}`]),
    ...(node === undefined ? [] : [`node ${node}${classType === undefined ? '' : ` (${classType})`}`]),
    ...(input === undefined ? [] : [`input ${input}`]),
  ].join(', ')
  return `${place === '' ? '' : `${place}: `}${message}${fix === undefined ? '' : ` ${fix}`}`
}
