import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/** Apart from the other tests, because it needs nginx. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  resolve: { alias: { 'comfyui-api': fileURLToPath(new URL('../../src/index.ts', import.meta.url)) } },
  test: { include: ['test/proxy/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
})
