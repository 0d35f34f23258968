import { superviseProcess } from './cli/process-lifecycle.ts'
import { createProgram } from './cli/program.ts'
import { createTerminal } from './cli/terminal.ts'
import { readEnvironment } from './config/environment.ts'

const program = createProgram({
  env: readEnvironment(),
  terminal: createTerminal(),
  supervise: superviseProcess,
  exit: (code) => process.exit(code),
  // Loaded when it is needed, so that --help and --version answer at once.
  startGateway: async (config, dependencies) => (await import('./compose.ts')).compose(config, dependencies),
})
await program.parseAsync()
