import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { alias: { 'comfyui-api': fileURLToPath(new URL('./src/index.ts', import.meta.url)) } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'workflows/**/*.test.ts'],
    exclude: ['test/browser/**', 'test/proxy/**', '**/node_modules/**'],
    typecheck: { enabled: false },
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
