import type { FastifyInstance } from 'fastify'

/**
 * Takes no more connections and resolves when the open ones have ended. Those that have not after `timeoutMs`, counted
 * from the call, are destroyed: a request that never arrives whole, or an answer that nobody reads. `onCut` is told once
 * when that happens.
 */
export async function closeApp(
  app: FastifyInstance,
  { timeoutMs, onCut }: { timeoutMs: number; onCut: () => void },
): Promise<void> {
  const timer = setTimeout(() => {
    onCut()
    app.server.closeAllConnections()
  }, timeoutMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
