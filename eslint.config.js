import comments from '@eslint-community/eslint-plugin-eslint-comments/configs'
import js from '@eslint/js'
import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

const tests = ['**/*.test.ts', 'test/**']

export default defineConfig(
  globalIgnores(['dist/', 'dist-bin/', 'coverage/', '.comfyui-api/', '**/fixtures/', 'shared/']),
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  comments.recommended,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // Doing nothing is a fine implementation of a listener.
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Returning the nothing of a call is the short way to write an early return.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Fastify tells plugins and hooks apart by `async`, and `async` makes a rejection of every throw.
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@eslint-community/eslint-comments/require-description': 'error',
      '@eslint-community/eslint-comments/disable-enable-pair': ['error', { allowWholeFile: true }],
      'no-restricted-exports': [
        'error',
        {
          restrictDefaultExports: {
            direct: true,
            named: true,
            defaultFrom: true,
            namedFrom: true,
            namespaceFrom: true,
          },
        },
      ],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'] }],
      eqeqeq: 'error',
    },
  },
  {
    name: 'house rules for the program',
    files: ['src/**'],
    ignores: tests,
    rules: {
      'max-lines': ['error', { max: 400 }],
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config reads the environment. Take a plain value.' },
        { object: 'process', property: 'stdout', message: 'Only src/cli prints. Take a logger.' },
        { object: 'process', property: 'stderr', message: 'Only src/cli prints. Take a logger.' },
        { object: 'process', property: 'exit', message: 'Only src/cli and main.ts end the process. Throw an error.' },
      ],
    },
  },
  {
    name: 'the one reader of the environment',
    files: ['src/config/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    name: 'the one place that prints and exits',
    files: ['src/cli/**', 'src/main.ts'],
    rules: {
      'no-console': 'off',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Only src/config reads the environment.' },
      ],
    },
  },
  {
    name: 'tables may be long',
    files: ['src/errors/error-catalogue.ts', 'src/config/settings.ts'],
    rules: { 'max-lines': 'off' },
  },
  {
    name: 'modules that are loaded by their default export',
    files: [
      'workflows/**',
      'test/**/workflows/**',
      '**/*.config.ts',
      '**/*.config.js',
      '.dependency-cruiser.js',
      '**/*.d.json.ts',
    ],
    rules: { 'no-restricted-exports': 'off' },
  },
  {
    name: 'tests',
    files: tests,
    rules: {
      // Matchers such as expect.any are typed any.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      // expect(object.method) only looks whether it was called.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    name: 'plain JavaScript',
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
  },
  {
    name: 'the launcher, which runs on old versions of Node.js',
    files: ['bin/**'],
    languageOptions: { sourceType: 'commonjs', ecmaVersion: 2019 },
    // The compiler, which knows the names of Node.js, does not look at this file.
    rules: { '@typescript-eslint/no-require-imports': 'off', 'no-undef': 'off' },
  },
)
