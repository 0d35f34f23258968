import { setFlagsFromString } from 'node:v8'
import { guardModules } from './cli/guard-modules.ts'
import { superviseProcess } from './cli/process-lifecycle.ts'
import { createProgram } from './cli/program.ts'
import { createTerminal } from './cli/terminal.ts'
import { readEnvironment } from './config/environment.ts'
import { typeSources } from './config/package-info.ts'

const program = createProgram({
  env: readEnvironment(),
  terminal: createTerminal(),
  supervise: superviseProcess,
  exit: (code) => process.exit(code),
  typeSources,
  // Loaded when it is needed, so that --help and --version answer at once.
  renderPrompt: (request) => guardModules(async () => (await import('./render.ts')).renderPrompt(request)),
  checkWorkflows: (request) =>
    guardModules(async (modules) => (await import('./check.ts')).checkWorkflows({ ...request, modules })),
  convertExport: async (request) => (await import('./convert.ts')).convertExport(request),
  generateModule: async (...asked) => (await import('./generate.ts')).generateModule(...asked),
  fetchObjectInfo: async (...asked) => (await import('./object-info.ts')).fetchObjectInfo(...asked),
  askServer: async (...asked) => (await import('./ask-server.ts')).askServer(...asked),
  startGateway: async (config, dependencies) => {
    // Left to itself V8 lets the heap of a long-lived server grow far beyond what is in use before it collects.
    setFlagsFromString('--heap-growing-percent=25')
    return (await import('./compose.ts')).compose(config, dependencies)
  },
})
void program.parseAsync()
