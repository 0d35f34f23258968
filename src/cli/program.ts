import { Command } from 'commander'
import { readPackageVersion } from '../config/package-info.ts'
import { checkCommand, type CheckDependencies } from './commands/check.ts'
import { convertCommand, type ConvertDependencies } from './commands/convert.ts'
import { generateWorkflowCommand, type GenerateDependencies } from './commands/generate-workflow.ts'
import { healthCommand, type HealthDependencies } from './commands/health.ts'
import { initCommand, type InitDependencies } from './commands/init.ts'
import { objectInfoCommand, type ObjectInfoDependencies } from './commands/object-info.ts'
import { renderCommand, type RenderDependencies } from './commands/render.ts'
import { serveCommand, type ServeDependencies } from './commands/serve.ts'

export type ProgramDependencies = ServeDependencies &
  RenderDependencies &
  CheckDependencies &
  ObjectInfoDependencies &
  ConvertDependencies &
  GenerateDependencies &
  InitDependencies &
  HealthDependencies

/** The command line as a whole. Every command is one file of `commands`. */
export function createProgram(dependencies: ProgramDependencies): Command {
  return new Command('comfyui-api')
    .description('A typed REST API in front of ComfyUI workflows.')
    .version(readPackageVersion(), '-v, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help. After a command: the help of that command.')
    .helpCommand(false)
    .addCommand(serveCommand(dependencies), { isDefault: true })
    .addCommand(renderCommand(dependencies))
    .addCommand(checkCommand(dependencies))
    .addCommand(objectInfoCommand(dependencies))
    .addCommand(convertCommand(dependencies))
    .addCommand(generateWorkflowCommand(dependencies))
    .addCommand(initCommand(dependencies))
    .addCommand(healthCommand(dependencies))
    .addHelpText('after', '\nWithout a command, serve is meant. Its settings: comfyui-api serve --help')
}
