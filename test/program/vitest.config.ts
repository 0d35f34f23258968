import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

/**
 * The program as people start it, from outside. Apart from the other tests, because these also run against the single
 * binary: `BINARY=bin/comfyui-api npm run test:e2e`.
 */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { include: ['test/program/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
})
