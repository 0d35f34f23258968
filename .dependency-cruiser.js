/*
 * The direction of imports between the folders of src/, as docs/architecture.md shows it. Imports of types count like
 * any other: a type from another folder is knowledge about it. Unit tests beside the sources may import what they need.
 */

/** What each folder may import besides itself, as path prefixes. */
const directions = {
  lib: {
    may: [],
    why: 'Leaf helpers that know nothing of ComfyUI or of this gateway.',
  },
  errors: {
    may: ['lib'],
    why: 'The catalogue of errors is used everywhere, so it depends on nothing.',
  },
  'comfyui/wire': {
    may: ['lib', 'errors'],
    why: 'What ComfyUI says and what it accepts: formats and rules, no connections.',
  },
  comfyui: {
    may: ['lib', 'errors'],
    why: 'The client speaks to one ComfyUI. It knows no jobs, no workflows and no other instances.',
  },
  instances: {
    may: ['lib', 'errors', 'comfyui'],
    why: 'Instances offer connections and capacity. What runs on them is the business of jobs.',
  },
  inputs: {
    may: ['lib', 'errors', 'comfyui'],
    why: 'Inputs are bytes that callers sent. They know no jobs and no instances.',
  },
  outputs: {
    may: ['lib', 'errors', 'comfyui'],
    why: 'Outputs are bytes that ComfyUI made. They know no jobs and no instances.',
  },
  jobs: {
    may: ['lib', 'errors', 'comfyui', 'instances', 'inputs', 'outputs'],
    why: 'Jobs bring prompts, instances, inputs and outputs together. They do not know who asks: no HTTP here.',
  },
  workflows: {
    may: ['lib', 'errors', 'comfyui/wire', 'converter', 'index.ts'],
    why: 'A workflow turns parameters into a prompt. It reaches neither ComfyUI nor jobs.',
  },
  readiness: {
    may: ['lib', 'errors', 'comfyui', 'instances', 'workflows'],
    why: 'What workflows need and what instances have, brought together. It knows no jobs and no HTTP.',
  },
  converter: {
    may: ['lib', 'errors', 'comfyui/wire'],
    why: 'Makes prompts and modules of exported workflows. Pure: the command line and the loader use it alike.',
  },
  'language-model': {
    may: ['lib', 'errors', 'comfyui/wire', 'converter'],
    why: 'A language model proposes words for what the converter found. It knows no workflows that are served and no jobs.',
  },
  generator: {
    may: ['lib', 'errors', 'comfyui', 'converter', 'workflows'],
    why: 'Exports from wherever they are, and modules of them where they are served from. Knows no server.',
  },
  http: {
    may: ['lib', 'errors', 'comfyui', 'instances', 'inputs', 'outputs', 'jobs', 'workflows', 'readiness'],
    why: 'HTTP translates between callers and jobs. Configuration comes as plain values, metrics and logs as arguments.',
  },
  simulator: {
    may: ['lib', 'comfyui/wire'],
    why: 'The simulator stands in for ComfyUI. Sharing more than the wire format would hide mistakes of the gateway.',
  },
  observability: {
    may: ['lib', 'errors', 'jobs/job.ts'],
    why: 'Logs and metrics listen. They know what a job looks like and nothing else.',
  },
  config: {
    may: ['lib', 'errors'],
    why: 'Configuration is read before anything else exists.',
  },
  cli: {
    may: ['lib', 'errors', 'config', 'observability'],
    why: 'Commands get the composed gateway as an argument, so that they can be tested without it.',
  },
}

/** Only compose.ts imports it. */
directions.composition = {
  may: Object.keys(directions).filter((folder) => !['cli', 'http', 'observability'].includes(folder)),
  why: 'Parts of compose.ts: what belongs together is built together.',
}

const unitTest = '[.]test[.]ts$'

const directionRules = Object.entries(directions).map(([folder, { may, why }]) => ({
  name: `direction-of-${folder.replace('/', '-')}`,
  comment: `${why} src/${folder} may import: ${[folder, ...may].join(', ')}.`,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: unitTest },
  to: { path: '^src/', pathNot: [folder, ...may].map((path) => `^src/${path.replace('.', '[.]')}(/|$)`) },
}))

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Files that import each other, over however many steps, can only be understood together.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...directionRules,
    {
      name: 'direction-of-every-folder',
      comment: 'A new folder needs its place in the table at the top of this file.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: Object.keys(directions).map((folder) => `^src/${folder}/`) },
      to: {},
    },
    {
      name: 'only-composition-observes',
      comment:
        'Logs and metrics subscribe to events; nobody calls them. So only compose.ts and the command line import them.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(observability|cli)/', '^src/(compose|main)[.]ts$', unitTest] },
      to: { path: '^src/observability/' },
    },
    {
      name: 'only-composition-is-configured',
      comment:
        'Modules get plain slices of the configuration as arguments. So only the composition and the command line import it.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(config|cli|composition)/', '^src/(compose|main)[.]ts$', unitTest] },
      to: { path: '^src/config/' },
    },
    {
      name: 'nothing-imports-the-top',
      comment:
        'compose.ts, render.ts, check.ts, object-info.ts, ask-server.ts, convert.ts and generate.ts put everything together and main.ts starts it. Only main.ts imports them, and nobody main.ts.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/main[.]ts$', unitTest] },
      to: { path: '^src/(compose|render|check|object-info|ask-server|convert|generate|main)[.]ts$' },
    },
    {
      name: 'package-entry-is-small',
      comment: 'What workflow authors import must not load the server.',
      severity: 'error',
      from: { path: '^src/index[.]ts$' },
      to: { path: '^src/', pathNot: '^src/workflows/' },
    },
    {
      name: 'sources-stand-alone',
      comment: 'The program must work without its tests, scripts and development tools.',
      severity: 'error',
      from: { path: '^src/', pathNot: unitTest },
      to: { path: ['^(test|scripts|workflows)/', unitTest] },
    },
    {
      name: 'no-development-tools-in-sources',
      comment: 'A package that only development needs is not there when the program runs.',
      severity: 'error',
      from: { path: '^src/', pathNot: unitTest },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], pathNot: '/@types/' },
    },
    {
      name: 'workflows-like-users-write-them',
      comment: 'Shipped workflows may use what every workflow may use: zod, comfyui-api and each other.',
      severity: 'error',
      from: { path: '^workflows/', pathNot: unitTest },
      to: { pathNot: ['^workflows/', '^src/index[.]ts$', '^node_modules/zod/'] },
    },
    {
      name: 'resolvable',
      comment: 'An import that leads nowhere fails at run time.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/fixtures/' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Counts imports of types, which the compiler removes.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
}
