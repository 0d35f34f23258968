import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { alias: { 'comfyui-api': fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'workflows/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/program/**', 'test/proxy/**', '**/node_modules/**'],
    typecheck: { enabled: false },
    // Nobody's own key is used: tests ask no service.
    env: { OPENROUTER_API_KEY: '' },
    // Most of them wait for something for a while: a core has time for all.
    maxWorkers: '100%',
    // Long enough for a machine that has other things to do; nothing waits for them unless it hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
