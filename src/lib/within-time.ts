/** What the work resolves with; `undefined` when it takes longer. The work itself goes on. */
export async function withinTime<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result | undefined> {
  const { promise: isLate, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), timeoutMs)
  try {
    return await Promise.race([work, isLate])
  } finally {
    clearTimeout(timer)
  }
}
